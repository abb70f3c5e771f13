-- What lists tell of credentials and of clients' secrets: how old the values are, and which fields they have.

ALTER TABLE credentials ADD COLUMN fields TEXT NOT NULL DEFAULT '';            -- names of the value's fields, by spaces
ALTER TABLE credentials ADD COLUMN rotated_at INTEGER NOT NULL DEFAULT 0;       -- when the present value was deposited
UPDATE credentials SET rotated_at = created_at;

ALTER TABLE client_secrets ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
UPDATE client_secrets SET created_at = (SELECT c.created_at FROM clients c WHERE c.id = client_secrets.client_id);

CREATE INDEX credentials_of_owner ON credentials (owner, id);
CREATE INDEX credentials_by_service ON credentials (service, id);
CREATE INDEX clients_by_owner ON clients (owner, id);
CREATE INDEX clients_by_name ON clients (name, id);
