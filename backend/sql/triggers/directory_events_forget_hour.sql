-- No webhook pays for it: what an event is kept with again is neither its time nor whose it is.
CREATE OR REPLACE TRIGGER directory_events_forget_hour
AFTER DELETE OR UPDATE OF organization_id, received_at ON directory_events
FOR EACH ROW EXECUTE FUNCTION forget_event_hour();
