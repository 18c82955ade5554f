declare global {
  namespace App {
    interface Error {
      title: string;
      retry: boolean;
    }
  }
}

export {};
