// Before anything is painted: the theme that was chosen here, and which frame to paint.
{
  const root = document.documentElement;
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // A browser that keeps nothing follows the system.
  }
  if (location.pathname.startsWith("/dashboard")) root.dataset.frame = "shell";
  if (location.pathname === "/") root.dataset.frame = "sign-in";
}
