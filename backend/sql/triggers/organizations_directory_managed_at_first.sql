CREATE OR REPLACE TRIGGER organizations_directory_managed_at_first
AFTER INSERT ON organizations
FOR EACH ROW WHEN (new.directory_managed)
EXECUTE FUNCTION note_directory_managed();
