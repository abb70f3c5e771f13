-- Credentials are counted by service.
CREATE INDEX credentials_of_service ON credentials (service);

-- E-mail addresses are kept in lower case. Those that two users share but for the case stay as they are: an operator
-- gives one of them another.
UPDATE users SET email = lower(email) WHERE NOT EXISTS (
    SELECT 1 FROM users x WHERE x.id <> users.id AND lower(x.email) = lower(users.email));
