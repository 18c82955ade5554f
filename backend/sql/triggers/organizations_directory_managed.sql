CREATE OR REPLACE TRIGGER organizations_directory_managed
AFTER UPDATE OF directory_managed ON organizations
FOR EACH ROW WHEN (new.directory_managed AND NOT old.directory_managed)
EXECUTE FUNCTION note_directory_managed();
