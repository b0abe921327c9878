CREATE FUNCTION add_event() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    BEGIN
        INSERT INTO event (document_id, at, run_id, batch_id, from_state, to_state, detail)
        VALUES (NEW.id, NEW.updated, NEW.changed_by, NEW.batch_id,
                CASE TG_OP WHEN 'UPDATE' THEN OLD.state END, NEW.state, NEW.reason);
        RETURN NULL;
    END $$;
CREATE FUNCTION check_transition() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM transition WHERE from_state = OLD.state AND to_state = NEW.state) THEN
            RAISE EXCEPTION 'this change of state is not allowed'
            USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END $$;
CREATE FUNCTION refuse_beginning() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    BEGIN RAISE EXCEPTION 'a document begins as planned' USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE FUNCTION refuse_deletion() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    BEGIN RAISE EXCEPTION 'a document is never deleted' USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE FUNCTION refuse_forgetting() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    BEGIN RAISE EXCEPTION 'history is never deleted' USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE FUNCTION refuse_identity() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    BEGIN RAISE EXCEPTION 'the identity of a document never changes' USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE TABLE aside (
    run_id text NOT NULL COLLATE pg_catalog."C",
    source integer NOT NULL,
    reason text NOT NULL COLLATE pg_catalog."C",
    rows integer NOT NULL,
    first_rows text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE batch (
    id bigint NOT NULL,
    run_id text NOT NULL COLLATE pg_catalog."C",
    data_identifier text NOT NULL COLLATE pg_catalog."C",
    attempt integer NOT NULL,
    size integer NOT NULL,
    sent text NOT NULL COLLATE pg_catalog."C",
    answered text COLLATE pg_catalog."C",
    status integer,
    meaning text COLLATE pg_catalog."C",
    answer text COLLATE pg_catalog."C",
    lease_until text COLLATE pg_catalog."C"
);
CREATE SEQUENCE batch_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE batch_id_seq OWNED BY batch.id;
CREATE TABLE document (
    id bigint NOT NULL,
    environment text NOT NULL COLLATE pg_catalog."C",
    cid text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    identity text NOT NULL COLLATE pg_catalog."C",
    billnum text COLLATE pg_catalog."C",
    jobtype text COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    content_hash text NOT NULL COLLATE pg_catalog."C",
    payload text COLLATE pg_catalog."C",
    guarded integer NOT NULL,
    net text NOT NULL COLLATE pg_catalog."C",
    vat text NOT NULL COLLATE pg_catalog."C",
    total text NOT NULL COLLATE pg_catalog."C",
    custnum text COLLATE pg_catalog."C",
    billdate text COLLATE pg_catalog."C",
    original_id bigint,
    run_id text NOT NULL COLLATE pg_catalog."C",
    batch_id bigint,
    attempt integer NOT NULL,
    exposed integer NOT NULL,
    earlier text COLLATE pg_catalog."C",
    jobid text COLLATE pg_catalog."C",
    answer text COLLATE pg_catalog."C",
    updated text NOT NULL COLLATE pg_catalog."C",
    changed_by text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL COLLATE pg_catalog."C"
);
CREATE SEQUENCE document_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE document_id_seq OWNED BY document.id;
CREATE TABLE event (
    id bigint NOT NULL,
    document_id bigint NOT NULL,
    at text NOT NULL COLLATE pg_catalog."C",
    run_id text COLLATE pg_catalog."C",
    batch_id bigint,
    from_state text COLLATE pg_catalog."C",
    to_state text NOT NULL COLLATE pg_catalog."C",
    detail text COLLATE pg_catalog."C"
);
CREATE SEQUENCE event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE event_id_seq OWNED BY event.id;
CREATE TABLE finding (
    run_id text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    invoice_number bigint,
    code text NOT NULL COLLATE pg_catalog."C",
    severity text NOT NULL COLLATE pg_catalog."C",
    file text COLLATE pg_catalog."C",
    sheet text COLLATE pg_catalog."C",
    "row" integer,
    "column" text COLLATE pg_catalog."C",
    cell text COLLATE pg_catalog."C",
    field text COLLATE pg_catalog."C",
    value text COLLATE pg_catalog."C",
    message text NOT NULL COLLATE pg_catalog."C",
    remedy text NOT NULL COLLATE pg_catalog."C",
    billnum text COLLATE pg_catalog."C"
);
CREATE TABLE invoice (
    run_id text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    document_id bigint,
    kind text NOT NULL COLLATE pg_catalog."C",
    billnum text COLLATE pg_catalog."C",
    jobtype text COLLATE pg_catalog."C",
    customer text COLLATE pg_catalog."C",
    billdate text COLLATE pg_catalog."C",
    outcome text NOT NULL COLLATE pg_catalog."C",
    net text NOT NULL COLLATE pg_catalog."C",
    vat text NOT NULL COLLATE pg_catalog."C",
    total text NOT NULL COLLATE pg_catalog."C",
    rows text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE meta (
    key text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE outbox (
    document_id bigint NOT NULL,
    environment text NOT NULL COLLATE pg_catalog."C",
    cid text NOT NULL COLLATE pg_catalog."C",
    late integer NOT NULL,
    run_id text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    size integer NOT NULL,
    body bytea NOT NULL
);
CREATE TABLE run (
    id text NOT NULL COLLATE pg_catalog."C",
    command text NOT NULL COLLATE pg_catalog."C",
    environment text NOT NULL COLLATE pg_catalog."C",
    cid text NOT NULL COLLATE pg_catalog."C",
    started text NOT NULL COLLATE pg_catalog."C",
    finished text COLLATE pg_catalog."C",
    exit_code integer,
    facts text NOT NULL COLLATE pg_catalog."C",
    sources text COLLATE pg_catalog."C",
    totals text COLLATE pg_catalog."C"
);
CREATE TABLE status_answer (
    id bigint NOT NULL,
    run_id text NOT NULL COLLATE pg_catalog."C",
    question text NOT NULL COLLATE pg_catalog."C",
    asked text NOT NULL COLLATE pg_catalog."C",
    answered text COLLATE pg_catalog."C",
    status integer,
    updates integer,
    body text COLLATE pg_catalog."C",
    lost integer NOT NULL
);
CREATE SEQUENCE status_answer_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE status_answer_id_seq OWNED BY status_answer.id;
CREATE TABLE status_update (
    id bigint NOT NULL,
    document_id bigint NOT NULL,
    answer_id bigint NOT NULL,
    at text NOT NULL COLLATE pg_catalog."C",
    stage text NOT NULL COLLATE pg_catalog."C",
    words text NOT NULL COLLATE pg_catalog."C",
    told text COLLATE pg_catalog."C"
);
CREATE SEQUENCE status_update_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE status_update_id_seq OWNED BY status_update.id;
CREATE TABLE transition (
    from_state text NOT NULL COLLATE pg_catalog."C",
    to_state text NOT NULL COLLATE pg_catalog."C"
);
ALTER TABLE ONLY batch ALTER COLUMN id SET DEFAULT nextval('batch_id_seq'::regclass);
ALTER TABLE ONLY document ALTER COLUMN id SET DEFAULT nextval('document_id_seq'::regclass);
ALTER TABLE ONLY event ALTER COLUMN id SET DEFAULT nextval('event_id_seq'::regclass);
ALTER TABLE ONLY status_answer ALTER COLUMN id SET DEFAULT nextval('status_answer_id_seq'::regclass);
ALTER TABLE ONLY status_update ALTER COLUMN id SET DEFAULT nextval('status_update_id_seq'::regclass);
INSERT INTO batch VALUES (1, '20261129T014554-53fba0c0', '20261129T014554-53fba0c0-1', 1, 1, '2026-11-29T01:45:54.674Z', '2026-11-29T01:45:54.677Z', 201, 'counted', NULL, NULL);
INSERT INTO batch VALUES (2, '20261129T014554-2c43841f', '20261129T014554-2c43841f-1', 1, 2, '2026-11-29T01:45:54.693Z', '2026-11-29T01:45:54.695Z', 201, 'counted', '', NULL);
INSERT INTO batch VALUES (3, '20261129T014554-ab87c331', '20261129T014554-ab87c331-1', 1, 1, '2026-11-29T01:45:54.701Z', '2026-11-29T01:45:54.702Z', 201, 'counted', '', NULL);
INSERT INTO batch VALUES (4, '20261129T014554-3ed75c6c', '20261129T014554-3ed75c6c-1', 1, 1, '2026-11-29T01:45:54.708Z', '2026-11-29T01:45:54.709Z', 201, 'counted', '', NULL);
INSERT INTO document VALUES (1, 'sandbox', '1001', 'invoice', '1000', '1000', '0', 'accepted', 'fd8b12ecbf788a6545e25c2bfd75474a097fd93b0913f9f80a667fa10053c97c', NULL, 1, '100.00', '25.50', '125.50', NULL, '2026-10-01', NULL, '20261129T014554-53fba0c0', 1, 1, 0, NULL, NULL, NULL, '2026-11-29T01:45:54.678Z', '20261129T014554-53fba0c0', 'so it was told');
INSERT INTO document VALUES (2, 'sandbox', '1001', 'invoice', '1001', '1001', '0', 'accepted', '9a1ac33976832eee960a2a8e046b7a420aec47b4386f3575260abf69c3217503', '{"address":"Mäkikatu 12 B 4","billdate":"2026-10-01","billnum":"1001","city":"KUOPIO","company":"Matin konepaja Oy","customertype":"1","jobtype":"0","paydate":"2026-10-15","payrow":[{"amount":"100.00","count":"1","desc":"Huolto","itemtype":"h","taxpr":"25.5"}],"postcode":"70100"}', 1, '100.00', '25.50', '125.50', NULL, '2026-10-01', NULL, '20261129T014554-2c43841f', 2, 1, 0, NULL, NULL, NULL, '2026-11-29T01:45:54.695Z', '20261129T014554-2c43841f', 'so it was told');
INSERT INTO document VALUES (3, 'sandbox', '1001', 'invoice', '#35cad59702bb8f5434f562792c2577be5caab66a7d15ec2b02df9b84f1b75834', NULL, '0', 'accepted', '35cad59702bb8f5434f562792c2577be5caab66a7d15ec2b02df9b84f1b75834', '{"address":"Mäkikatu 12 B 4","billdate":"2026-10-01","city":"KUOPIO","company":"Matin konepaja Oy","customertype":"1","jobtype":"0","paydate":"2026-10-15","payrow":[{"amount":"100.00","count":"1","desc":"Huolto","itemtype":"h","taxpr":"25.5"}],"postcode":"70100"}', 0, '100.00', '25.50', '125.50', NULL, '2026-10-01', NULL, '20261129T014554-2c43841f', 2, 1, 0, NULL, NULL, NULL, '2026-11-29T01:45:54.695Z', '20261129T014554-2c43841f', 'so it was told');
INSERT INTO document VALUES (4, 'sandbox', '1001', 'invoice', '1002', '1002', '0', 'unknown', '382ce2b2f2488db8ce43a0d69f7524cec924580e3813c550643d23c4030ef5b4', '{"address":"Mäkikatu 12 B 4","billdate":"2026-10-01","billnum":"1002","city":"KUOPIO","company":"Matin konepaja Oy","customertype":"1","jobtype":"0","paydate":"2026-10-15","payrow":[{"amount":"100.00","count":"1","desc":"Huolto","itemtype":"h","taxpr":"25.5"}],"postcode":"70100"}', 1, '100.00', '25.50', '125.50', NULL, '2026-10-01', NULL, '20261129T014554-ab87c331', 3, 1, 1, NULL, NULL, NULL, '2026-11-29T01:45:54.703Z', '20261129T014554-ab87c331', 'so it was told');
INSERT INTO document VALUES (6, 'sandbox', '1001', 'invoice', '1004', '1004', '0', 'planned', '7aee15210ede30bbd9ffd9155cbef9d9789f409b781e11b899be5f89cc7cbf1e', '{"address":"Mäkikatu 12 B 4","billdate":"2026-10-01","billnum":"1004","city":"KUOPIO","company":"Matin konepaja Oy","customertype":"1","jobtype":"0","paydate":"2026-10-15","payrow":[{"amount":"100.00","count":"1","desc":"Huolto","itemtype":"h","taxpr":"25.5"}],"postcode":"70100"}', 1, '100.00', '25.50', '125.50', NULL, '2026-10-01', NULL, '20261129T014554-a33ff24a', NULL, 0, 0, NULL, NULL, NULL, '2026-11-29T01:45:54.723Z', '20261129T014554-a33ff24a', 'planned');
INSERT INTO document VALUES (5, 'sandbox', '1001', 'invoice', '1003', '1003', '0', 'planned', '09c1795480f636a90dbd092d1f847979b22bd2cf3425e0095ede5852ec05d97c', '{"address":"Mäkikatu 12 B 4","billdate":"2026-10-01","billnum":"1003","city":"KUOPIO","company":"Matin konepaja Oy","customertype":"1","jobtype":"0","paydate":"2026-10-15","payrow":[{"amount":"7.00","count":"1","desc":"Huolto","itemtype":"h","taxpr":"25.5"}],"postcode":"70100"}', 1, '7.00', '1.78', '8.78', NULL, '2026-10-01', NULL, '20261129T014554-a33ff24a', 4, 1, 0, '[{"content_hash":"ad0c5fe0b1cdec4c93db9b7b5bc5872e4f3f3b847943f9f7e418103880a765dd","payload":"{\"address\":\"Mäkikatu 12 B 4\",\"billdate\":\"2026-10-01\",\"billnum\":\"1003\",\"city\":\"KUOPIO\",\"company\":\"Matin konepaja Oy\",\"customertype\":\"1\",\"jobtype\":\"0\",\"paydate\":\"2026-10-15\",\"payrow\":[{\"amount\":\"100.00\",\"count\":\"1\",\"desc\":\"Huolto\",\"itemtype\":\"h\",\"taxpr\":\"25.5\"}],\"postcode\":\"70100\"}","net":"100.00","vat":"25.50","total":"125.50","custnum":null,"billdate":"2026-10-01","original_id":null,"jobtype":"0","guarded":1}]', NULL, NULL, '2026-11-29T01:45:54.723Z', '20261129T014554-a33ff24a', 'planned');
INSERT INTO event VALUES (1, 1, '2026-11-29T01:45:54.670Z', '20261129T014554-53fba0c0', NULL, NULL, 'planned', 'planned');
INSERT INTO event VALUES (2, 1, '2026-11-29T01:45:54.674Z', '20261129T014554-53fba0c0', 1, 'planned', 'sending', 'in batch 20261129T014554-53fba0c0-1');
INSERT INTO event VALUES (3, 1, '2026-11-29T01:45:54.678Z', '20261129T014554-53fba0c0', 1, 'sending', 'accepted', 'so it was told');
INSERT INTO event VALUES (4, 2, '2026-11-29T01:45:54.691Z', '20261129T014554-2c43841f', NULL, NULL, 'planned', 'planned');
INSERT INTO event VALUES (5, 3, '2026-11-29T01:45:54.691Z', '20261129T014554-2c43841f', NULL, NULL, 'planned', 'planned');
INSERT INTO event VALUES (6, 2, '2026-11-29T01:45:54.693Z', '20261129T014554-2c43841f', 2, 'planned', 'sending', 'in batch 20261129T014554-2c43841f-1');
INSERT INTO event VALUES (7, 3, '2026-11-29T01:45:54.693Z', '20261129T014554-2c43841f', 2, 'planned', 'sending', 'in batch 20261129T014554-2c43841f-1');
INSERT INTO event VALUES (8, 2, '2026-11-29T01:45:54.695Z', '20261129T014554-2c43841f', 2, 'sending', 'accepted', 'so it was told');
INSERT INTO event VALUES (9, 3, '2026-11-29T01:45:54.695Z', '20261129T014554-2c43841f', 2, 'sending', 'accepted', 'so it was told');
INSERT INTO event VALUES (10, 4, '2026-11-29T01:45:54.700Z', '20261129T014554-ab87c331', NULL, NULL, 'planned', 'planned');
INSERT INTO event VALUES (11, 4, '2026-11-29T01:45:54.701Z', '20261129T014554-ab87c331', 3, 'planned', 'sending', 'in batch 20261129T014554-ab87c331-1');
INSERT INTO event VALUES (12, 4, '2026-11-29T01:45:54.703Z', '20261129T014554-ab87c331', 3, 'sending', 'unknown', 'so it was told');
INSERT INTO event VALUES (13, 5, '2026-11-29T01:45:54.707Z', '20261129T014554-3ed75c6c', NULL, NULL, 'planned', 'planned');
INSERT INTO event VALUES (14, 5, '2026-11-29T01:45:54.708Z', '20261129T014554-3ed75c6c', 4, 'planned', 'sending', 'in batch 20261129T014554-3ed75c6c-1');
INSERT INTO event VALUES (15, 5, '2026-11-29T01:45:54.710Z', '20261129T014554-3ed75c6c', 4, 'sending', 'unknown', 'so it was told');
INSERT INTO event VALUES (16, 5, '2026-11-29T01:45:54.718Z', '20261129T014554-dcd90b23', 4, 'unknown', 'planned', 'not found');
INSERT INTO event VALUES (17, 6, '2026-11-29T01:45:54.723Z', '20261129T014554-a33ff24a', NULL, NULL, 'planned', 'planned');
INSERT INTO event VALUES (18, 5, '2026-11-29T01:45:54.723Z', '20261129T014554-a33ff24a', 4, 'planned', 'planned', 'planned');
INSERT INTO invoice VALUES ('20261129T014554-53fba0c0', 2, 1, 'invoice', '1000', '0', NULL, '2026-10-01', 'accepted', '100.00', '25.50', '125.50', '[[0,2,2]]');
INSERT INTO invoice VALUES ('20261129T014554-2c43841f', 2, 2, 'invoice', '1001', '0', 'Matin konepaja Oy', '2026-10-01', 'accepted', '100.00', '25.50', '125.50', '[[0,2,2]]');
INSERT INTO invoice VALUES ('20261129T014554-2c43841f', 3, 3, 'invoice', NULL, '0', 'Matin konepaja Oy', '2026-10-01', 'accepted', '100.00', '25.50', '125.50', '[[0,3,3]]');
INSERT INTO invoice VALUES ('20261129T014554-ab87c331', 2, 4, 'invoice', '1002', '0', 'Matin konepaja Oy', '2026-10-01', 'unknown', '100.00', '25.50', '125.50', '[[0,2,2]]');
INSERT INTO invoice VALUES ('20261129T014554-3ed75c6c', 2, 5, 'invoice', '1003', '0', 'Matin konepaja Oy', '2026-10-01', 'unknown', '100.00', '25.50', '125.50', '[[0,2,2]]');
INSERT INTO invoice VALUES ('20261129T014554-a33ff24a', 2, 5, 'invoice', '1003', '0', 'Matin konepaja Oy', '2026-10-01', 'not-sent', '7.00', '1.78', '8.78', '[[0,2,2]]');
INSERT INTO invoice VALUES ('20261129T014554-a33ff24a', 3, 6, 'invoice', '1004', '0', 'Matin konepaja Oy', '2026-10-01', 'not-sent', '100.00', '25.50', '125.50', '[[0,3,3]]');
INSERT INTO meta VALUES ('schema_version', '2');
INSERT INTO meta VALUES ('hash_key', '870e18bf9cc609aacf29142d33a905571c5d0b17b71df837b6a385a42770bc65');
INSERT INTO run VALUES ('20261129T014554-53fba0c0', 'run', 'sandbox', '1001', '2026-11-29T01:45:54.664Z', NULL, NULL, '{}', '[{"file":"orders.csv","sheet":null}]', NULL);
INSERT INTO run VALUES ('20261129T014554-2c43841f', 'run', 'sandbox', '1001', '2026-11-29T01:45:54.687Z', NULL, NULL, '{}', '[{"file":"orders.csv","sheet":null}]', NULL);
INSERT INTO run VALUES ('20261129T014554-ab87c331', 'run', 'sandbox', '1001', '2026-11-29T01:45:54.697Z', NULL, NULL, '{}', '[{"file":"orders.csv","sheet":null}]', NULL);
INSERT INTO run VALUES ('20261129T014554-3ed75c6c', 'run', 'sandbox', '1001', '2026-11-29T01:45:54.704Z', NULL, NULL, '{}', '[{"file":"orders.csv","sheet":null}]', NULL);
INSERT INTO run VALUES ('20261129T014554-dcd90b23', 'run', 'sandbox', '1001', '2026-11-29T01:45:54.710Z', NULL, NULL, '{}', '[{"file":"orders.csv","sheet":null}]', NULL);
INSERT INTO run VALUES ('20261129T014554-a33ff24a', 'run', 'sandbox', '1001', '2026-11-29T01:45:54.719Z', NULL, NULL, '{}', '[{"file":"orders.csv","sheet":null}]', NULL);
INSERT INTO transition VALUES ('planned', 'planned');
INSERT INTO transition VALUES ('planned', 'sending');
INSERT INTO transition VALUES ('refused', 'planned');
INSERT INTO transition VALUES ('sending', 'accepted');
INSERT INTO transition VALUES ('sending', 'refused');
INSERT INTO transition VALUES ('sending', 'unknown');
INSERT INTO transition VALUES ('unknown', 'accepted');
INSERT INTO transition VALUES ('unknown', 'planned');
INSERT INTO transition VALUES ('unknown', 'refused');
SELECT pg_catalog.setval('batch_id_seq', 4, true);
SELECT pg_catalog.setval('document_id_seq', 6, true);
SELECT pg_catalog.setval('event_id_seq', 18, true);
SELECT pg_catalog.setval('status_answer_id_seq', 1, false);
SELECT pg_catalog.setval('status_update_id_seq', 1, false);
ALTER TABLE ONLY aside
    ADD CONSTRAINT aside_pkey PRIMARY KEY (run_id, source, reason);
ALTER TABLE ONLY batch
    ADD CONSTRAINT batch_pkey PRIMARY KEY (id);
ALTER TABLE ONLY document
    ADD CONSTRAINT document_environment_cid_kind_identity_key UNIQUE (environment, cid, kind, identity);
ALTER TABLE ONLY document
    ADD CONSTRAINT document_pkey PRIMARY KEY (id);
ALTER TABLE ONLY event
    ADD CONSTRAINT event_pkey PRIMARY KEY (id);
ALTER TABLE ONLY finding
    ADD CONSTRAINT finding_pkey PRIMARY KEY (run_id, number);
ALTER TABLE ONLY invoice
    ADD CONSTRAINT invoice_pkey PRIMARY KEY (run_id, number);
ALTER TABLE ONLY meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (key);
ALTER TABLE ONLY outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (document_id);
ALTER TABLE ONLY run
    ADD CONSTRAINT run_pkey PRIMARY KEY (id);
ALTER TABLE ONLY status_answer
    ADD CONSTRAINT status_answer_pkey PRIMARY KEY (id);
ALTER TABLE ONLY status_update
    ADD CONSTRAINT status_update_document_id_at_stage_words_key UNIQUE (document_id, at, stage, words);
ALTER TABLE ONLY status_update
    ADD CONSTRAINT status_update_pkey PRIMARY KEY (id);
ALTER TABLE ONLY transition
    ADD CONSTRAINT transition_pkey PRIMARY KEY (from_state, to_state);
CREATE INDEX batch_run ON batch USING btree (run_id);
CREATE INDEX document_billnum ON document USING btree (billnum);
CREATE INDEX document_jobid ON document USING btree (jobid) WHERE (jobid IS NOT NULL);
CREATE INDEX document_open ON document USING btree (environment, cid) WHERE ((state = ANY (ARRAY['sending'::text, 'unknown'::text])) OR ((state = 'planned'::text) AND (exposed = 1)));
CREATE INDEX document_original ON document USING btree (original_id) WHERE (original_id IS NOT NULL);
CREATE INDEX event_document ON event USING btree (document_id);
CREATE INDEX finding_invoice ON finding USING btree (run_id, invoice_number);
CREATE INDEX invoice_document_run ON invoice USING btree (document_id, run_id);
CREATE INDEX outbox_next ON outbox USING btree (environment, cid, late, document_id);
CREATE INDEX status_answer_run ON status_answer USING btree (run_id);
CREATE INDEX status_update_refused ON status_update USING btree (document_id) WHERE (stage = 'refused'::text);
CREATE TRIGGER document_began AFTER INSERT ON document FOR EACH ROW EXECUTE FUNCTION add_event();
CREATE TRIGGER document_begins BEFORE INSERT ON document FOR EACH ROW WHEN ((new.state <> 'planned'::text)) EXECUTE FUNCTION refuse_beginning();
CREATE TRIGGER document_is_itself BEFORE UPDATE OF environment, cid, kind, identity ON document FOR EACH ROW EXECUTE FUNCTION refuse_identity();
CREATE TRIGGER document_moved AFTER UPDATE OF state ON document FOR EACH ROW EXECUTE FUNCTION add_event();
CREATE TRIGGER document_moves BEFORE UPDATE OF state ON document FOR EACH ROW EXECUTE FUNCTION check_transition();
CREATE TRIGGER document_stays BEFORE DELETE OR TRUNCATE ON document FOR EACH STATEMENT EXECUTE FUNCTION refuse_deletion();
CREATE TRIGGER event_stays BEFORE DELETE OR TRUNCATE ON event FOR EACH STATEMENT EXECUTE FUNCTION refuse_forgetting();
ALTER TABLE ONLY aside
    ADD CONSTRAINT aside_run_id_fkey FOREIGN KEY (run_id) REFERENCES run(id);
ALTER TABLE ONLY batch
    ADD CONSTRAINT batch_run_id_fkey FOREIGN KEY (run_id) REFERENCES run(id);
ALTER TABLE ONLY document
    ADD CONSTRAINT document_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES batch(id);
ALTER TABLE ONLY document
    ADD CONSTRAINT document_changed_by_fkey FOREIGN KEY (changed_by) REFERENCES run(id);
ALTER TABLE ONLY document
    ADD CONSTRAINT document_original_id_fkey FOREIGN KEY (original_id) REFERENCES document(id);
ALTER TABLE ONLY document
    ADD CONSTRAINT document_run_id_fkey FOREIGN KEY (run_id) REFERENCES run(id);
ALTER TABLE ONLY event
    ADD CONSTRAINT event_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES batch(id);
ALTER TABLE ONLY event
    ADD CONSTRAINT event_document_id_fkey FOREIGN KEY (document_id) REFERENCES document(id);
ALTER TABLE ONLY event
    ADD CONSTRAINT event_run_id_fkey FOREIGN KEY (run_id) REFERENCES run(id);
ALTER TABLE ONLY finding
    ADD CONSTRAINT finding_run_id_fkey FOREIGN KEY (run_id) REFERENCES run(id);
ALTER TABLE ONLY invoice
    ADD CONSTRAINT invoice_document_id_fkey FOREIGN KEY (document_id) REFERENCES document(id);
ALTER TABLE ONLY invoice
    ADD CONSTRAINT invoice_run_id_fkey FOREIGN KEY (run_id) REFERENCES run(id);
ALTER TABLE ONLY outbox
    ADD CONSTRAINT outbox_document_id_fkey FOREIGN KEY (document_id) REFERENCES document(id);
ALTER TABLE ONLY outbox
    ADD CONSTRAINT outbox_run_id_fkey FOREIGN KEY (run_id) REFERENCES run(id);
ALTER TABLE ONLY status_answer
    ADD CONSTRAINT status_answer_run_id_fkey FOREIGN KEY (run_id) REFERENCES run(id);
ALTER TABLE ONLY status_update
    ADD CONSTRAINT status_update_answer_id_fkey FOREIGN KEY (answer_id) REFERENCES status_answer(id);
ALTER TABLE ONLY status_update
    ADD CONSTRAINT status_update_document_id_fkey FOREIGN KEY (document_id) REFERENCES document(id);
ALTER TABLE ONLY status_update
    ADD CONSTRAINT status_update_told_fkey FOREIGN KEY (told) REFERENCES run(id);
