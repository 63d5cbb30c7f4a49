/* test_signer_faults.c - tokens that err, vanish, hang or refuse the PIN: what the signer makes of
 * it. */
#include "support.h"

#include "signer_lab.h"
#include "src/signer/pool.h"

enum { BULK = SIGNING_BULK, ORDERS = SIGNING_ORDERS };

/* A signer whose token does what the test orders, and one key. */
static void open_lab(struct lab *lab, struct lab_key *key)
{
    lab_softhsm(lab);
    lab_fault(lab);
    lab_start(lab);
    lab_await_token(lab, true);
    lab_key(lab, key, 1, lab_question("example.", 13, SIGNING_ZSK));
}

static uint64_t metric(const struct lab *lab, enum metric which)
{
    return metrics_sum(lab->metrics, which);
}

/* Ask until the job is done, at most so long. */
static void sign_until_done(struct lab *lab, const struct lab_key *key)
{
    struct sign_job job = LAB_A(key, "www.example.");
    uint64_t until = clock_monotonic_ms() + 20000;
    struct sign_result result;

    while ((result = lab_sign(lab, ORDERS, &job)).outcome != SIGNING_DONE) {
        ck_assert_int_eq(result.outcome, SIGNING_TOKEN);
        ck_assert_msg(clock_monotonic_ms() < until, "%s", result.text);
        usleep(50000);
    }
    lab_check_signs(lab, ORDERS, key, &job);
}

/* ---- wrong signatures ----------------------------------------------------------------------- */

/* A bit is wrong now and then: a second attempt makes it good, and nobody sees the first. */
START_TEST(tries_again_what_does_not_verify)
{
    struct lab lab = {.verify = "always"};
    struct lab_key key;

    open_lab(&lab, &key);
    lab_order(&lab, "wrong 5\n");
    for (int i = 0; i < 50; i++) {
        struct sign_job job = LAB_A(&key, "www.example.");
        lab_check_signs(&lab, i % 2, &key, &job);
    }
    ck_assert_uint_ge(metric(&lab, METRIC_SIGN_FAILURES), 10);
    ck_assert(!lab_logged(&lab, "ALERT"));
    lab_end(&lab);
}
END_TEST

/* Every signature is wrong: none comes out, whatever the policy verifies, since the first one that
 * a handle makes is always verified. */
static const char *const policies[] = {"always", "sample", "never"};

START_TEST(never_hands_out_a_wrong_one)
{
    struct lab lab = {.verify = policies[_i]};
    struct lab_key key;

    open_lab(&lab, &key);
    lab_order(&lab, "wrong\n");
    for (int i = 0; i < 10; i++) {
        struct sign_job job = LAB_A(&key, "www.example.");
        struct sign_result result = lab_sign(&lab, i % 2, &job);
        ck_assert_int_eq(result.outcome, SIGNING_TOKEN);
        ck_assert_uint_eq(result.signatures.length, 0);
        ck_assert_ptr_nonnull(strstr(result.text, "does not hold"));
        ck_assert_ptr_nonnull(strstr(result.text, "token \"avow\""));
        ck_assert_ptr_nonnull(strstr(result.text, "example. ZSK"));
    }
    ck_assert_uint_eq(metric(&lab, METRIC_SIGNATURES), 0);
    ck_assert_uint_eq(metric(&lab, METRIC_SIGN_FAILURES), 20);
    ck_assert(lab_logged(&lab, "ALERT"));
    lab_order(&lab, "");
    struct sign_job job = LAB_A(&key, "www.example.");
    lab_check_signs(&lab, BULK, &key, &job);
    lab_end(&lab);
}
END_TEST

/* The job so many times, a multiple of 64. Returns how many failed. */
static unsigned sign_many(struct lab *lab, const struct sign_job *job, unsigned count)
{
    struct sign_job jobs[64];
    unsigned failed = 0, answers = 0;

    for (unsigned i = 0; i < COUNT(jobs); i++)
        jobs[i] = *job;
    for (unsigned i = 0; i < count / COUNT(jobs); i++)
        lab_send_jobs(lab, BULK, jobs, COUNT(jobs));
    while (answers < count) {
        struct message message = lab_await(lab, BULK, MESSAGE_SIGNATURES);
        struct reader results = span_reader(message.signatures.results);
        for (unsigned i = 0; i < message.signatures.count; i++, answers++) {
            struct sign_result result;
            sign_result_read(&results, &result);
            failed += result.outcome != SIGNING_DONE;
        }
    }
    return failed;
}

/* Verifiers that are used often have tables: they find the same. */
START_TEST(verifies_by_tables)
{
    enum { JOBS = 4096 };
    struct lab lab = {.verify = "always"};
    struct lab_key key;

    open_lab(&lab, &key);
    struct sign_job job = LAB_A(&key, "www.example.");
    ck_assert_uint_eq(sign_many(&lab, &job, JOBS), 0);
    ck_assert_uint_eq(metric(&lab, METRIC_SIGN_FAILURES), 0);
    lab_check_signs(&lab, ORDERS, &key, &job);
    lab_order(&lab, "wrong\n");
    ck_assert_uint_eq(sign_many(&lab, &job, 256), 256);
    ck_assert(lab_logged(&lab, "ALERT"));
    lab_order(&lab, "");
    ck_assert_uint_eq(sign_many(&lab, &job, 256), 0);
    lab_end(&lab);
}
END_TEST

/* By samples: all that is urgent, and one in 64 of the rest. */
START_TEST(verifies_samples)
{
    enum { JOBS = 640 };
    struct lab lab = {.verify = "sample"};
    struct lab_key key;

    open_lab(&lab, &key);
    struct sign_job job = LAB_A(&key, "www.example.");
    for (int i = 0; i < 16; i++) /* both threads have a handle that is proven */
        lab_check_signs(&lab, i % 2, &key, &job);
    lab_order(&lab, "wrong\n");
    unsigned failed = sign_many(&lab, &job, JOBS);
    /* Once one was found, its handle is under suspicion: from then on each is verified. */
    ck_assert_uint_ge(failed, JOBS - 2 * 64);
    ck_assert_int_eq(lab_sign(&lab, ORDERS, &job).outcome, SIGNING_TOKEN);
    lab_end(&lab);
}
END_TEST

/* A key whose private half is another than its public one does not come into use. */
START_TEST(wants_proof_of_keys)
{
    struct lab lab = {.pid = 0};
    struct lab_key key;

    open_lab(&lab, &key);
    lab_order(&lab, "wrong\n");
    struct message_key_ensure question = lab_question("example.", 13, SIGNING_ZSK);
    question.number = 2;
    struct message_key answer = lab_ask(&lab, question);
    ck_assert(!answer.ok);
    ck_assert_ptr_nonnull(strstr(answer.text, "does not verify"));
    lab_order(&lab, "wrong 2\n"); /* the proof has a second attempt */
    lab_key(&lab, &key, 3, lab_question("example.", 13, SIGNING_ZSK));
    lab_end(&lab);
}
END_TEST

/* ---- failing calls -------------------------------------------------------------------------- */

/* A failure that concerns one call: the job fails, the token stays up. */
START_TEST(fails_one_job)
{
    struct lab lab = {.pid = 0};
    struct lab_key key;

    open_lab(&lab, &key);
    struct sign_job job = LAB_A(&key, "www.example.");
    lab_order(&lab, "error C_Sign CKR_DATA_LEN_RANGE\n");
    struct sign_result result = lab_sign(&lab, BULK, &job);
    ck_assert_int_eq(result.outcome, SIGNING_TOKEN);
    ck_assert_ptr_nonnull(strstr(result.text, "CKR_DATA_LEN_RANGE"));
    ck_assert_ptr_nonnull(strstr(result.text, "token \"avow\" (slot 0x"));
    ck_assert_ptr_nonnull(strstr(result.text, "example. ZSK"));
    lab_order(&lab, "");
    lab_check_signs(&lab, BULK, &key, &job);
    ck_assert(lab.up);
    ck_assert_uint_eq(metric(&lab, METRIC_TOKEN_LOGINS), 1);
    lab_end(&lab);
}
END_TEST

static const char *const losses[] = {"removed\n", "error C_Sign CKR_DEVICE_ERROR\n",
                                     "error C_SignInit CKR_SESSION_HANDLE_INVALID\n"};

/* The token goes away under load and comes back: the jobs of the time between fail with its name,
 * the keeper hears of both, and the keys need not be told again. */
START_TEST(survives_a_loss)
{
    struct lab lab = {.pid = 0};
    struct lab_key key, other;

    open_lab(&lab, &key);
    lab_key(&lab, &other, 2, lab_question("example.net.", 15, SIGNING_CSK));
    struct sign_job job = LAB_A(&key, "www.example.");
    lab_check_signs(&lab, BULK, &key, &job);
    lab_order(&lab, losses[_i]);
    struct sign_result result = lab_sign(&lab, BULK, &job);
    ck_assert_int_eq(result.outcome, SIGNING_TOKEN);
    ck_assert_ptr_nonnull(strstr(result.text, "token \"avow\""));
    lab_await_token(&lab, false);
    ck_assert_ptr_nonnull(strstr(lab.text, "CKR_"));
    result = lab_sign(&lab, ORDERS, &job);
    ck_assert_int_eq(result.outcome, SIGNING_TOKEN);
    lab_order(&lab, "");
    lab_await_token(&lab, true);
    sign_until_done(&lab, &key);
    struct sign_job third = LAB_A(&other, "example.net.");
    lab_check_signs(&lab, BULK, &other, &third);
    ck_assert(lab_logged(&lab, "the token is gone"));
    ck_assert_uint_ge(metric(&lab, METRIC_TOKEN_LOGINS), 2);
    for (int i = 0; i < 200 && metric(&lab, METRIC_TOKENS_UP) != 1; i++)
        usleep(10000);
    ck_assert_uint_eq(metric(&lab, METRIC_TOKENS_UP), 1);
    lab_end(&lab);
}
END_TEST

/* While it is away no key can be had, and the answer says why. */
START_TEST(answers_while_the_token_is_away)
{
    struct lab lab = {.pid = 0};

    lab_softhsm(&lab);
    lab_fault(&lab);
    lab_order(&lab, "removed\n");
    lab_start(&lab);
    while (!strstr(lab.text, "no token matches")) /* at first it may not have been opened yet */
        lab_await_token(&lab, false);
    struct message_key_ensure question = lab_question("example.", 13, SIGNING_ZSK);
    question.number = 1;
    struct message_key answer = lab_ask(&lab, question);
    ck_assert(!answer.ok);
    ck_assert_ptr_nonnull(strstr(answer.text, "keystore default: "));
    ck_assert_msg(strstr(answer.text, "pkcs11:token=avow") != NULL, "%s", answer.text);
    lab_order(&lab, "");
    lab_await_token(&lab, true);
    struct lab_key key;
    lab_key(&lab, &key, 1, question);
    sign_until_done(&lab, &key);
    lab_end(&lab);
}
END_TEST

/* A token of another name is not there; the text says what is. SoftHSM shows one that is made
 * meanwhile only after its module was begun anew. */
START_TEST(sees_a_token_that_comes_later)
{
    struct lab lab = {.uri = "pkcs11:token=later"};
    struct token_place place;
    char words[PATH_MAX];

    lab_softhsm(&lab);
    lab_start(&lab);
    while (!strstr(lab.text, "no token matches"))
        lab_await_token(&lab, false);
    ck_assert_ptr_nonnull(strstr(lab.text, "\"avow\""));
    snprintf(words, sizeof words, "softhsm %s later 1234", lab.folder);
    ck_assert_int_eq(token_script(&place, words), 0);
    lab_await_token(&lab, true);
    struct lab_key key;
    lab_key(&lab, &key, 1, lab_question("example.", 13, SIGNING_ZSK));
    sign_until_done(&lab, &key);
    lab_end(&lab);
}
END_TEST

/* The key is gone from a token that was away: the others go on, this one says so. */
START_TEST(marks_a_key_that_is_gone)
{
    struct lab lab = {.pid = 0};
    struct lab_key key;
    char command[PATH_MAX + 64];

    open_lab(&lab, &key);
    struct sign_job job = LAB_A(&key, "www.example.");
    lab_check_signs(&lab, BULK, &key, &job);
    lab_order(&lab, "removed\n");
    ck_assert_int_eq(lab_sign(&lab, BULK, &job).outcome, SIGNING_TOKEN);
    lab_await_token(&lab, false);
    /* All but the token's own object, which is named otherwise. */
    snprintf(command, sizeof command,
             "cd %s/tokens/* && for f in *.object; do case $f in token.object) ;; "
             "*) rm \"$f\";; esac; done",
             lab.folder);
    ck_assert_int_eq(system(command), 0);
    lab_order(&lab, "");
    lab_await_token(&lab, true);
    struct sign_result result = lab_sign(&lab, BULK, &job);
    ck_assert_int_eq(result.outcome, SIGNING_TOKEN);
    ck_assert_msg(strstr(result.text, "is not there") != NULL, "%s", result.text);
    struct lab_key other;
    lab_key(&lab, &other, 2, lab_question("example.", 13, SIGNING_ZSK));
    sign_until_done(&lab, &other);
    lab_end(&lab);
}
END_TEST

/* ---- PINs ----------------------------------------------------------------------------------- */

/* One attempt, a clear message, nothing more until the configuration says otherwise. */
START_TEST(tries_a_wrong_pin_once)
{
    struct lab lab = {.pin = "87654321\n"};
    struct message_key_ensure question = lab_question("example.", 13, SIGNING_ZSK);

    lab_softhsm(&lab);
    lab_fault(&lab);
    lab_start(&lab);
    while (!strstr(lab.text, "CKR_PIN_INCORRECT"))
        lab_await_token(&lab, false);
    ck_assert_ptr_nonnull(strstr(lab.text, "token \"avow\" (slot 0x"));
    ck_assert_ptr_nonnull(strstr(lab.text, "not tried again until the configuration is reloaded"));
    struct message_key answer = lab_ask(&lab, question);
    ck_assert(!answer.ok);
    ck_assert_ptr_nonnull(strstr(answer.text, "CKR_PIN_INCORRECT"));
    sleep(3); /* longer than the first pause of a token that is tried again */
    ck_assert_uint_eq(lab_calls(&lab, "C_Login"), 1);
    ck_assert(!lab_logged(&lab, "87654321"));

    /* The PIN is mended: the process makes room for one that knows it. */
    struct message message;
    lab.pin = "1234\n";
    lab_configure(&lab, NULL);
    lab_share(&lab, MESSAGE_RELOAD);
    ck_assert_int_eq(letter_receive(lab.supervisor, lab.frame, LETTER_WAIT), LETTER_DONE);
    ck_assert_int_eq(message_read(lab.frame, &message), RESULT_OK);
    ck_assert_int_eq(message.kind, MESSAGE_RELOADED);
    ck_assert(message.reloaded.ok);
    ck_assert_int_eq(lab_await_end(&lab), 0);
    lab_start(&lab);
    lab_await_token(&lab, true);
    ck_assert_uint_eq(lab_calls(&lab, "C_Login"), 2);
    lab_end(&lab);
}
END_TEST

/* ---- hanging -------------------------------------------------------------------------------- */

/* A call that does not end: the process says which token it was, and ends, before the keeper's
 * patience does. Jobs of the other thread are answered meanwhile. */
START_TEST(ends_when_a_call_hangs)
{
    struct lab lab = {.pid = 0};
    struct lab_key key;

    open_lab(&lab, &key);
    struct sign_job job = LAB_A(&key, "www.example.");
    lab_check_signs(&lab, BULK, &key, &job);
    lab_order(&lab, "hang C_Sign 1\n");
    uint64_t begun = clock_monotonic_ms();
    lab_send_jobs(&lab, BULK, &job, 1);
    ck_assert_int_eq(lab_await_end(&lab), EXIT_FAILURE);
    ck_assert_uint_ge(clock_monotonic_ms() - begun, 7000);
    ck_assert_uint_lt(clock_monotonic_ms() - begun, 12000);
    ck_assert(lab_logged(&lab, "keystore default: signing has taken"));
    lab_order(&lab, "");
    lab_start(&lab);
    lab_await_token(&lab, true);
    lab_end(&lab);
}
END_TEST

/* A token that is there and cannot be used, whatever is done: a new process, bounded by pauses. */
START_TEST(gives_up_on_a_module)
{
    struct lab lab = {.pid = 0};

    lab_softhsm(&lab);
    lab_fault(&lab);
    lab_order(&lab, "error C_OpenSession CKR_DEVICE_ERROR\n");
    lab_start(&lab);
    uint64_t begun = clock_monotonic_ms();
    ck_assert_int_eq(lab_await_end(&lab), EXIT_FAILURE);
    ck_assert_uint_ge(clock_monotonic_ms() - begun, 10000);
    ck_assert(lab_logged(&lab, "cannot use the token any more"));
    lab_order(&lab, "");
    lab_start(&lab);
    lab_await_token(&lab, true);
    lab_end(&lab);
}
END_TEST

/* ---- order ---------------------------------------------------------------------------------- */

/* Bulk letters: few long ones, and more short ones than the signer takes in at once. */
static const struct {
    unsigned letters, jobs;
} stocks[] = {{3, 60}, {100, 2}};

/* On a slow token an urgent job waits for one signature of each thread, not for their letters. */
START_TEST(lets_urgent_jobs_pass)
{
    enum { MOST = 60 };
    struct lab lab = {.pid = 0};
    struct lab_key key;
    struct sign_job jobs[MOST];

    open_lab(&lab, &key);
    struct sign_job job = LAB_A(&key, "www.example.");
    for (int i = 0; i < MOST; i++)
        jobs[i] = job;
    lab_order(&lab, "slow 50\n");
    for (unsigned i = 0; i < stocks[_i].letters; i++) /* 5 s of two threads' time */
        lab_send_jobs(&lab, BULK, jobs, (uint16_t)stocks[_i].jobs);
    usleep(300000);
    for (int i = 0; i < 3; i++) {
        uint64_t begun = clock_monotonic_ms();
        lab_check_signs(&lab, ORDERS, &key, &job);
        ck_assert_uint_lt(clock_monotonic_ms() - begun, 1000);
    }
    for (unsigned answers = 0; answers < stocks[_i].letters * stocks[_i].jobs;)
        answers += lab_await(&lab, BULK, MESSAGE_SIGNATURES).signatures.count;
    lab_end(&lab);
}
END_TEST

/* Two threads sign at the same time, and a key being made holds nobody up. */
START_TEST(signs_while_a_key_is_made)
{
    struct lab lab = {.pid = 0};
    struct lab_key key;

    open_lab(&lab, &key);
    struct sign_job job = LAB_A(&key, "www.example.");
    lab_order(&lab, "slow 3000 C_GenerateKeyPair\n");
    struct message ensure = {.kind = MESSAGE_KEY_ENSURE,
                             .key_ensure = lab_question("example.", 13, SIGNING_KSK)};
    ensure.key_ensure.number = 2;
    lab_send(&lab, lab.lines[ORDERS], &ensure);
    uint64_t begun = clock_monotonic_ms();
    for (int i = 0; i < 20; i++)
        lab_check_signs(&lab, BULK, &key, &job);
    ck_assert_uint_lt(clock_monotonic_ms() - begun, 2500);
    ck_assert(lab_await(&lab, ORDERS, MESSAGE_KEY).key.ok);
    lab_end(&lab);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signer/faults");
    TCase *tests = tcase_create("tokens that fail");

    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, tries_again_what_does_not_verify);
    tcase_add_loop_test(tests, never_hands_out_a_wrong_one, 0, COUNT(policies));
    tcase_add_test(tests, verifies_by_tables);
    tcase_add_test(tests, verifies_samples);
    tcase_add_test(tests, wants_proof_of_keys);
    tcase_add_test(tests, fails_one_job);
    tcase_add_loop_test(tests, survives_a_loss, 0, COUNT(losses));
    tcase_add_test(tests, answers_while_the_token_is_away);
    tcase_add_test(tests, sees_a_token_that_comes_later);
    tcase_add_test(tests, marks_a_key_that_is_gone);
    tcase_add_test(tests, tries_a_wrong_pin_once);
    tcase_add_test(tests, ends_when_a_call_hangs);
    tcase_add_test(tests, gives_up_on_a_module);
    tcase_add_loop_test(tests, lets_urgent_jobs_pass, 0, COUNT(stocks));
    tcase_add_test(tests, signs_while_a_key_is_made);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
