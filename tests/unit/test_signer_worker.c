/* test_signer_worker.c - which of a worker's keys have tables for their verifiers. */
#include "src/signer/worker.h"

#include <stdlib.h>
#include <string.h>

#include "support.h"

/* The generator of P-256 (SEC 2 section 2.4.2): the public key whose private one is 1. */
static const uint8_t point[64] = {
    0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
    0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
    0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16,
    0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};

/* A worker without a token, with more keys that verify often than it has tables. */
static struct worker *worker_of_keys(void)
{
    struct worker *worker = calloc(1, sizeof *worker);
    struct dnskey dnskey = {.flags = DNSKEY_FLAG_ZONE,
                            .protocol = DNSKEY_PROTOCOL,
                            .algorithm = ALGORITHM_ECDSAP256SHA256,
                            .length = sizeof point};

    ck_assert_ptr_nonnull(worker);
    worker->keys = calloc(WORKER_KEYS, sizeof *worker->keys);
    ck_assert_ptr_nonnull(worker->keys);
    memcpy(dnskey.public_key, point, sizeof point);
    for (unsigned i = 0; i <= WORKER_TABLES; i++) {
        ck_assert(verifier_open(&worker->keys[i].verifier, &dnskey) == RESULT_OK);
        worker->keys[i].verifier.checks = 0;
    }
    return worker;
}

static void end(struct worker *worker)
{
    for (unsigned i = 0; i <= WORKER_TABLES; i++)
        verifier_close(&worker->keys[i].verifier);
    free(worker->keys);
    free(worker);
}

/* As its thread does after a letter in which the key verified. */
static void use(struct worker *worker, unsigned number)
{
    struct worker_key *at = &worker->keys[number];

    at->verified = ++worker->verified;
    if (verifier_wants_table(&at->verifier))
        worker->frequent = at;
    worker_key_quicken(worker);
}

static bool has_table(const struct worker *worker, unsigned number)
{
    return worker->keys[number].verifier.table != NULL;
}

START_TEST(a_key_that_rests_leaves_its_table_to_another)
{
    struct worker *worker = worker_of_keys();

    for (unsigned i = 0; i < WORKER_TABLES; i++) {
        use(worker, i);
        ck_assert(has_table(worker, i));
    }
    use(worker, WORKER_TABLES); /* all others are in use */
    ck_assert(!has_table(worker, WORKER_TABLES));
    ck_assert_uint_eq(worker->tables, WORKER_TABLES);
    use(worker, 0);
    worker->verified += WORKER_TABLE_IDLE; /* by whomever; then all but two are in use again */
    for (unsigned i = 0; i < WORKER_TABLES; i++)
        if (i != 3 && i != 5)
            use(worker, i);
    use(worker, WORKER_TABLES);
    ck_assert(has_table(worker, WORKER_TABLES));
    for (unsigned i = 0; i < WORKER_TABLES; i++)
        ck_assert(has_table(worker, i) == (i != 3));
    ck_assert_uint_eq(worker->tables, WORKER_TABLES);
    ck_assert(!verifier_wants_table(&worker->keys[3].verifier)); /* it is to earn it again */
    end(worker);
}
END_TEST

START_TEST(a_place_that_was_cleared_meanwhile_gets_none)
{
    struct worker *worker = worker_of_keys();

    worker->frequent = &worker->keys[1];
    verifier_close(&worker->keys[1].verifier);
    worker_key_quicken(worker);
    ck_assert_uint_eq(worker->tables, 0);
    ck_assert_ptr_null(worker->frequent);
    worker_key_quicken(worker); /* nobody wants one */
    ck_assert_uint_eq(worker->tables, 0);
    end(worker);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signer/worker");
    TCase *tests = tcase_create("tables");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_key_that_rests_leaves_its_table_to_another);
    tcase_add_test(tests, a_place_that_was_cleared_meanwhile_gets_none);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
