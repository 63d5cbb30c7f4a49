/* test_signer_room.c - the signer with a real token: keys, signatures, refusals, restarts around
 * it. */
#include "support.h"

#include <arpa/inet.h>

#include "signer_lab.h"

enum { BULK = SIGNING_BULK, ORDERS = SIGNING_ORDERS };

/* ---- keys and signatures -------------------------------------------------------------------- */

static const uint8_t algorithms[] = {8, 10, 13, 14, 15};

START_TEST(makes_keys_and_signs)
{
    struct lab lab = {.verify = "always"};
    struct lab_key zsk, ksk, csk;
    uint8_t algorithm = algorithms[_i];

    lab_softhsm(&lab);
    lab_start(&lab);
    lab_await_token(&lab, true);
    lab_key(&lab, &zsk, 1, lab_question("example.", algorithm, SIGNING_ZSK));
    ck_assert(zsk.generated);
    lab_key(&lab, &ksk, 2, lab_question("example.", algorithm, SIGNING_KSK));
    lab_key(&lab, &csk, 3, lab_question("example.net.", algorithm, SIGNING_CSK));
    for (int line = 0; line < SIGNING_CHANNELS; line++) {
        struct sign_job job = LAB_A(&zsk, "www.example.");
        lab_check_signs(&lab, line, &zsk, &job);
        job = LAB_A(&zsk, "*.wild.EXAMPLE.");
        lab_check_signs(&lab, line, &zsk, &job);
        job = LAB_A(&csk, "example.net.");
        lab_check_signs(&lab, line, &csk, &job);
        job = lab_job(&ksk, "example.", TYPE_DNSKEY, "\0\6\1\1\3\15\0\0", 8);
        lab_check_signs(&lab, line, &ksk, &job);
        job = lab_job(&csk, "example.net.", TYPE_CDS, "\0\5\0\0\0\0\0", 7);
        lab_check_signs(&lab, line, &csk, &job);
    }
    ck_assert_uint_ge(metrics_sum(lab.metrics, METRIC_SIGNATURES), 10);
    ck_assert_uint_gt(metrics_sum(lab.metrics, METRIC_SIGN_NANOSECONDS), 0);
    ck_assert_uint_eq(metrics_sum(lab.metrics, METRIC_TOKEN_LOGINS), 1);
    ck_assert_uint_eq(metrics_sum(lab.metrics, METRIC_SIGN_REFUSALS), 0);
    lab_end(&lab);
}
END_TEST

/* Two keys in one job give two RRSIGs, in the order in which they were asked for. */
START_TEST(signs_with_several_keys)
{
    struct lab lab = {.verify = "always"};
    struct lab_key first, second;

    lab_softhsm(&lab);
    lab_start(&lab);
    lab_await_token(&lab, true);
    /* numbers that share a place in a worker's table */
    lab_key(&lab, &first, 7, lab_question("example.", 13, SIGNING_ZSK));
    lab_key(&lab, &second, 7 + 1024, lab_question("example.", 15, SIGNING_ZSK));
    struct sign_job job = LAB_A(&first, "a.example.");
    job.key_count = 2;
    job.keys[1] = second.number;
    for (int i = 0; i < 5; i++) {
        struct sign_result result = lab_sign(&lab, BULK, &job);
        struct reader run = rdata_run_reader(&result.signatures), rdata;
        ck_assert_int_eq(result.outcome, SIGNING_DONE);
        ck_assert_uint_eq(result.signatures.count, 2);
        ck_assert(rdata_next(&run, &rdata));
        lab_check_rrsig(&first, &job, rdata);
        ck_assert(rdata_next(&run, &rdata));
        lab_check_rrsig(&second, &job, rdata);
    }
    lab_end(&lab);
}
END_TEST

/* The same key is found again: by a number of its own, and by the next signer. */
START_TEST(finds_keys_again)
{
    struct lab lab = {.pid = 0};
    struct lab_key made, found;

    lab_softhsm(&lab);
    lab_start(&lab);
    lab_await_token(&lab, true);
    lab_key(&lab, &made, 1, lab_question("example.", 13, SIGNING_ZSK));
    ck_assert_uint_eq(made.id_length, 20);
    struct message_key_ensure again = lab_question("example.", 13, SIGNING_ZSK);
    again.id = span_of(made.id, made.id_length);
    again.may_generate = 0;
    lab_key(&lab, &found, 2, again);
    ck_assert(!found.generated);
    ck_assert(dnskey_equal(&found.dnskey, &made.dnskey));

    struct message stop = {.kind = MESSAGE_STOP};
    lab_send(&lab, lab.supervisor, &stop);
    ck_assert_int_eq(lab_await_end(&lab), 0);
    lab_start(&lab);
    lab_await_token(&lab, true);
    lab_key(&lab, &found, 3, again);
    ck_assert(dnskey_equal(&found.dnskey, &made.dnskey));
    struct sign_job job = LAB_A(&found, "example.");
    lab_check_signs(&lab, ORDERS, &made, &job);
    lab_end(&lab);
}
END_TEST

/* A letter as the keeper sends it: every job answered once, whatever came of it. */
START_TEST(answers_every_job)
{
    enum { JOBS = 200 };
    struct lab lab = {.pid = 0};
    struct lab_key key;
    struct sign_job jobs[JOBS];
    unsigned seen[JOBS] = {0}, answers = 0, done = 0;

    lab_softhsm(&lab);
    lab_start(&lab);
    lab_await_token(&lab, true);
    lab_key(&lab, &key, 1, lab_question("example.", 13, SIGNING_ZSK));
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i] = LAB_A(&key, i % 10 == 9 ? "example.org." : "www.example.");
        jobs[i].job = 1000 + i;
    }
    for (unsigned i = 0; i < JOBS; i += 20)
        lab_send_jobs(&lab, BULK, jobs + i, 20);
    while (answers < JOBS) {
        struct message message = lab_await(&lab, BULK, MESSAGE_SIGNATURES);
        struct reader results = span_reader(message.signatures.results);
        for (unsigned i = 0; i < message.signatures.count; i++) {
            struct sign_result result;
            sign_result_read(&results, &result);
            ck_assert(!results.failed);
            ck_assert_uint_lt(result.job - 1000, JOBS);
            ck_assert_uint_eq(seen[result.job - 1000]++, 0);
            ck_assert_int_eq(result.outcome, result.job % 10 == 9 ? SIGNING_REFUSED : SIGNING_DONE);
            done += result.outcome == SIGNING_DONE;
            answers++;
        }
        ck_assert_int_eq(reader_finish(&results), RESULT_OK);
    }
    ck_assert_uint_eq(done, JOBS * 9 / 10);
    ck_assert_uint_eq(metrics_sum(lab.metrics, METRIC_SIGNATURES), done);
    ck_assert_uint_eq(metrics_sum(lab.metrics, METRIC_SIGN_REFUSALS), JOBS / 10);
    lab_end(&lab);
}
END_TEST

/* Results that do not fit in one letter come in several. */
START_TEST(divides_large_results)
{
    enum { JOBS = 300, KEYS = 2 };
    struct lab lab = {.verify = "never"};
    struct lab_key keys[KEYS];
    struct sign_job jobs[JOBS];
    unsigned answers = 0, letters = 0;

    lab_softhsm(&lab);
    lab_start(&lab);
    lab_await_token(&lab, true);
    for (uint32_t i = 0; i < KEYS; i++)
        lab_key(&lab, &keys[i], i, lab_question("example.", 8, SIGNING_ZSK));
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i] = LAB_A(&keys[0], "www.example.");
        jobs[i].key_count = KEYS;
        jobs[i].keys[1] = keys[1].number;
    }
    lab_send_jobs(&lab, BULK, jobs, JOBS);
    for (; answers < JOBS; letters++)
        answers += lab_await(&lab, BULK, MESSAGE_SIGNATURES).signatures.count;
    ck_assert_uint_eq(answers, JOBS);
    ck_assert_uint_gt(letters, 1);
    lab_end(&lab);
}
END_TEST

/* ---- what is refused ------------------------------------------------------------------------ */

static const struct {
    const char *owner;
    uint16_t type;
    int32_t inception, expiration; /* from now; 0: as usual */
    enum signing_role role;
    const char *why;
} refused[] = {
    {"example.org.", TYPE_A, 0, 0, SIGNING_ZSK, "outside"},
    {"www.example.", TYPE_RRSIG, 0, 0, SIGNING_ZSK, "never signed"},
    {"example.", TYPE_DNSKEY, 0, 0, SIGNING_ZSK, "does not sign DNSKEY"},
    {"www.example.", TYPE_A, 0, 0, SIGNING_KSK, "signs nothing but DNSKEY"},
    {"www.example.", TYPE_A, 0, VALIDITY + 61, SIGNING_ZSK, "longer than the policy"},
    {"www.example.", TYPE_A, 0, -1, SIGNING_ZSK, "expired"},
    {"www.example.", TYPE_A, 100, 0, SIGNING_ZSK, "future"},
    {"www.example.", TYPE_A, -90000, 0, SIGNING_ZSK, "more than a day back"},
    {"www.example.", TYPE_AAAA, 0, 0, SIGNING_ZSK, "malformed"},
};

START_TEST(refuses)
{
    struct lab lab = {.pid = 0};
    struct lab_key zsk, ksk;
    uint32_t now = (uint32_t)clock_wall_seconds();

    lab_softhsm(&lab);
    lab_start(&lab);
    lab_await_token(&lab, true);
    lab_key(&lab, &zsk, 1, lab_question("example.", 13, SIGNING_ZSK));
    lab_key(&lab, &ksk, 2, lab_question("example.", 13, SIGNING_KSK));
    for (size_t i = 0; i < COUNT(refused); i++) {
        const struct lab_key *key = refused[i].role == SIGNING_ZSK ? &zsk : &ksk;
        struct sign_job job = LAB_A(key, refused[i].owner);
        if (refused[i].type == TYPE_DNSKEY)
            job = lab_job(key, refused[i].owner, TYPE_DNSKEY, "\0\6\1\1\3\15\0\0", 8);
        if (refused[i].type == TYPE_RRSIG)
            job = lab_job(key, refused[i].owner, TYPE_RRSIG,
                          "\0\24\0\1\15\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
        job.type = refused[i].type;
        if (refused[i].inception)
            job.inception = now + (uint32_t)refused[i].inception + 10 * (refused[i].inception > 0);
        if (refused[i].expiration)
            job.expiration =
                now + (uint32_t)refused[i].expiration + 10 * (refused[i].expiration > 0);
        struct sign_result result = lab_sign(&lab, i % 2 ? BULK : ORDERS, &job);
        ck_assert_int_eq(result.outcome, SIGNING_REFUSED);
        ck_assert_uint_eq(result.signatures.count, 0);
        ck_assert_msg(strstr(result.text, refused[i].why) != NULL, "%s: %s", refused[i].why,
                      result.text);
    }
    ck_assert_uint_eq(metrics_sum(lab.metrics, METRIC_SIGN_REFUSALS), COUNT(refused));
    ck_assert_uint_eq(metrics_sum(lab.metrics, METRIC_SIGNATURES), 0);
    ck_assert(lab_logged(&lab, "refused to sign example.org. A: the owner is outside"));
    lab_end(&lab);
}
END_TEST

/* The policy bounds the validity even when the keeper asks for more. */
START_TEST(bounds_what_the_keeper_asks_for)
{
    struct lab lab = {.pid = 0};
    struct lab_key key;
    struct message_key_ensure question = lab_question("example.", 13, SIGNING_ZSK);

    lab_softhsm(&lab);
    lab_start(&lab);
    lab_await_token(&lab, true);
    question.validity = UINT32_MAX;
    lab_key(&lab, &key, 1, question);
    struct sign_job job = LAB_A(&key, "example.");
    job.expiration += 3600 + 2 * 3600;
    struct sign_result result = lab_sign(&lab, ORDERS, &job);
    ck_assert_int_eq(result.outcome, SIGNING_REFUSED);
    question.validity = 100;
    lab_key(&lab, &key, 1, question);
    job = LAB_A(&key, "example.");
    result = lab_sign(&lab, ORDERS, &job);
    ck_assert_int_eq(result.outcome, SIGNING_REFUSED);
    job.expiration = (uint32_t)clock_wall_seconds() + 90;
    lab_check_signs(&lab, ORDERS, &key, &job);
    lab_end(&lab);
}
END_TEST

static const struct {
    const char *what;
    const char *zone, *keystore;
    uint8_t algorithm, role;
    uint16_t flags;
    uint8_t may_generate;
    const char *why;
} no_keys[] = {
    {"no such key", "example.", "default", 13, SIGNING_ZSK, 256, 0, "is not there"},
    {"no such key, named", "example.", "default", 13, SIGNING_ZSK, 256, 0, "token \"avow\" (slot"},
    {"no such keystore", "example.", "other", 13, SIGNING_ZSK, 256, 1, "no keystore \"other\""},
    {"no such zone", "example.org.", "default", 13, SIGNING_ZSK, 256, 1, "no such zone"},
    {"no such algorithm", "example.", "default", 5, SIGNING_ZSK, 256, 1, "algorithm"},
    {"no such role", "example.", "default", 13, 3, 256, 1, "role"},
    {"no such flags", "example.", "default", 13, SIGNING_ZSK, 0, 1, "256 or 257"},
    {"revoked", "example.", "default", 13, SIGNING_KSK, 385, 1, "256 or 257"},
};

START_TEST(has_no_such_key)
{
    struct lab lab = {.pid = 0};
    struct lab_key key = {.number = 5};

    lab_softhsm(&lab);
    lab_start(&lab);
    lab_await_token(&lab, true);
    for (size_t i = 0; i < COUNT(no_keys); i++) {
        struct message_key_ensure question =
            lab_question(no_keys[i].zone, no_keys[i].algorithm, SIGNING_ZSK);
        question.number = key.number;
        question.id = span_of("\1\2\3", 3);
        question.keystore = no_keys[i].keystore;
        question.role = no_keys[i].role;
        question.flags = no_keys[i].flags;
        question.may_generate = no_keys[i].may_generate;
        struct message_key answer = lab_ask(&lab, question);
        ck_assert_msg(!answer.ok, "%s", no_keys[i].what);
        ck_assert_uint_eq(answer.dnskey.length, 0);
        ck_assert_msg(strstr(answer.text, no_keys[i].why) != NULL, "%s: %s", no_keys[i].what,
                      answer.text);
    }
    struct sign_job job = LAB_A(&key, "example.");
    ck_assert_int_eq(lab_sign(&lab, BULK, &job).outcome, SIGNING_UNKNOWN_KEY);
    lab_end(&lab);
}
END_TEST

START_TEST(forgets_keys)
{
    struct lab lab = {.pid = 0};
    struct lab_key key, other;
    struct message forget = {.kind = MESSAGE_KEY_FORGET, .key_forget = {.number = 1}};

    lab_softhsm(&lab);
    lab_start(&lab);
    lab_await_token(&lab, true);
    lab_key(&lab, &key, 1, lab_question("example.", 13, SIGNING_ZSK));
    struct sign_job job = LAB_A(&key, "example.");
    lab_check_signs(&lab, ORDERS, &key, &job);
    lab_check_signs(&lab, BULK, &key, &job);
    lab_send(&lab, lab.lines[ORDERS], &forget);
    lab_key(&lab, &other, 2, lab_question("example.", 13, SIGNING_ZSK)); /* in order, so done */
    ck_assert_int_eq(lab_sign(&lab, BULK, &job).outcome, SIGNING_UNKNOWN_KEY);

    /* The number may come again, for another key. */
    lab_key(&lab, &other, 1, lab_question("example.", 15, SIGNING_ZSK));
    lab_check_signs(&lab, BULK, &other, &job);

    /* Another keeper counts its keys anew. */
    lab_join(&lab);
    lab_await_token(&lab, true);
    ck_assert_int_eq(lab_sign(&lab, ORDERS, &job).outcome, SIGNING_UNKNOWN_KEY);
    ck_assert_int_eq(lab_sign(&lab, BULK, &job).outcome, SIGNING_UNKNOWN_KEY);
    lab_end(&lab);
}
END_TEST

/* ---- letters that are not as they should be -------------------------------------------------- */

static void send_octets(struct lab *lab, int line, const void *octets, size_t length)
{
    ck_assert_int_eq(send(lab->lines[line], octets, length, MSG_NOSIGNAL), length);
}

START_TEST(survives_malformed_letters)
{
    struct lab lab = {.pid = 0};
    struct lab_key key;
    uint8_t octets[400];
    struct message wrong = {.kind = MESSAGE_SIGN, .sign = {.count = 3, .jobs = span_of("abc", 3)}};
    struct message ensure = {.kind = MESSAGE_KEY_ENSURE,
                             .key_ensure = lab_question("example.", 13, SIGNING_ZSK)};

    lab_softhsm(&lab);
    lab_start(&lab);
    lab_await_token(&lab, true);
    for (unsigned i = 0; i < 500; i++) {
        for (size_t j = 0; j < sizeof octets; j++)
            octets[j] = (uint8_t)(i * 7 + j * j);
        octets[0] = (uint8_t)(i % MESSAGE_KINDS);
        send_octets(&lab, (int)(i % 2), octets, 1 + i % sizeof octets);
    }
    lab_send(&lab, lab.lines[ORDERS], &wrong);
    lab_send(&lab, lab.lines[BULK], &wrong);
    lab_send(&lab, lab.lines[BULK], &ensure); /* on the wrong channel */
    struct message token = {.kind = MESSAGE_TOKEN, .token = {.keystore = "default"}};
    lab_send(&lab, lab.lines[ORDERS], &token); /* by the wrong end */
    char id[200] = {1};
    ensure.key_ensure.id = span_of(id, sizeof id);
    lab_send(&lab, lab.lines[ORDERS], &ensure);

    lab_key(&lab, &key, 1, lab_question("example.", 13, SIGNING_ZSK));
    struct sign_job job = LAB_A(&key, "example.");
    lab_check_signs(&lab, BULK, &key, &job);
    lab_check_signs(&lab, ORDERS, &key, &job);
    ck_assert_uint_ge(metrics_sum(lab.metrics, METRIC_LETTERS_REFUSED), 500);
    lab_end(&lab);
}
END_TEST

/* A letter whose last job is cut: the ones before it are answered. */
START_TEST(answers_what_it_can_read)
{
    struct lab lab = {.pid = 0};
    struct lab_key key;
    uint8_t octets[1024];
    struct writer writer = writer_over(octets, sizeof octets);

    lab_softhsm(&lab);
    lab_start(&lab);
    lab_await_token(&lab, true);
    lab_key(&lab, &key, 1, lab_question("example.", 13, SIGNING_ZSK));
    struct sign_job job = LAB_A(&key, "example.");
    sign_job_write(&writer, &job);
    sign_job_write(&writer, &job);
    struct message message = {.kind = MESSAGE_SIGN,
                              .sign = {.count = 2, .jobs = span_of(octets, writer.length - 1)}};
    lab_send(&lab, lab.lines[BULK], &message);
    struct message answer = lab_await(&lab, BULK, MESSAGE_SIGNATURES);
    ck_assert_uint_eq(answer.signatures.count, 1);
    lab_check_signs(&lab, BULK, &key, &job);
    ck_assert_uint_eq(metrics_sum(lab.metrics, METRIC_LETTERS_REFUSED), 1);
    lab_end(&lab);
}
END_TEST

/* ---- reload and end ------------------------------------------------------------------------- */

static bool reload(struct lab *lab)
{
    struct message message;

    lab_share(lab, MESSAGE_RELOAD);
    ck_assert_int_eq(letter_receive(lab->supervisor, lab->frame, LETTER_WAIT), LETTER_DONE);
    ck_assert_int_eq(message_read(lab->frame, &message), RESULT_OK);
    ck_assert_int_eq(message.kind, MESSAGE_RELOADED);
    return message.reloaded.ok;
}

START_TEST(takes_over_new_zones)
{
    struct lab lab = {.pid = 0};
    struct lab_key key;
    char zone[PATH_MAX + 64];

    lab_softhsm(&lab);
    lab_start(&lab);
    lab_await_token(&lab, true);
    lab_key(&lab, &key, 1, lab_question("example.", 13, SIGNING_ZSK));

    /* The keeper may have heard of it before us. */
    struct message early = {.kind = MESSAGE_KEY_ENSURE,
                            .key_ensure = lab_question("example.org.", 13, SIGNING_ZSK)};
    early.key_ensure.number = 2;
    lab_send(&lab, lab.lines[ORDERS], &early);
    snprintf(zone, sizeof zone, "  - {name: example.org., file: %s/zone}\n", lab.house);
    lab_configure(&lab, zone);
    ck_assert(reload(&lab));
    struct message answer = lab_await(&lab, ORDERS, MESSAGE_KEY);
    ck_assert_uint_eq(answer.key.number, 2);
    ck_assert_msg(answer.key.ok, "%s", answer.key.text);

    struct sign_job job = LAB_A(&key, "example.");
    lab_check_signs(&lab, BULK, &key, &job);
    lab_end(&lab);
}
END_TEST

/* Another policy: the process ends, for the supervisor to start it anew. What it has got is done
 * before. */
START_TEST(starts_anew_for_another_policy)
{
    struct lab lab = {.pid = 0};
    struct lab_key key;

    lab_softhsm(&lab);
    lab_start(&lab);
    lab_await_token(&lab, true);
    lab_key(&lab, &key, 1, lab_question("example.", 13, SIGNING_ZSK));
    lab.verify = "always";
    lab_configure(&lab, NULL);
    ck_assert(reload(&lab));
    ck_assert_int_eq(lab_await_end(&lab), 0);
    ck_assert(lab_logged(&lab, "the signer starts anew"));
    lab_start(&lab);
    lab_await_token(&lab, true);
    lab_end(&lab);
}
END_TEST

/* Without its supervisor the signer ends. */
START_TEST(ends_with_its_supervisor)
{
    struct lab lab = {.pid = 0};

    lab_softhsm(&lab);
    lab_start(&lab);
    lab_await_token(&lab, true);
    close(lab.supervisor);
    ck_assert_int_eq(lab_await_end(&lab), EXIT_FAILURE);
    lab_tidy(&lab);
}
END_TEST

/* ---- another module ------------------------------------------------------------------------- */

/* Two ports that nothing uses at this moment. */
static unsigned free_port(void)
{
    for (unsigned port = 20000 + (unsigned)getpid() % 20000; port < 60000; port += 7) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(0x7f000001)}};
        unsigned bound = 0;
        for (unsigned i = 0; i < 2; i++) {
            int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            address.sin_port = htons((uint16_t)(port + i));
            bound += bind(probe, (struct sockaddr *)&address, sizeof address) == 0;
            close(probe);
        }
        if (bound == 2)
            return port;
    }
    ck_abort_msg("no free port");
    return 0;
}

/* A TPM in software, over the network: slow, no copies of keys, several threads at once. */
START_TEST(signs_with_a_tpm)
{
    enum { JOBS = 24 };
    struct lab lab = {.verify = "always", .network = true};
    struct lab_key key;
    struct sign_job jobs[JOBS];
    struct token_place nowhere;
    char words[PATH_MAX];

    lab.folder = folder_make();
    lab.house = folder_make();
    snprintf(words, sizeof words, "tpm2 %s avow 1234 %u", lab.folder, free_port());
    int code = token_script(&lab.place, words);
    if (code == TOKEN_MISSING) {
        printf("SKIPPED: swtpm with tpm2-pkcs11 is not installed\n");
        folder_remove(lab.folder);
        folder_remove(lab.house);
        return;
    }
    ck_assert_int_eq(code, 0);
    lab_start(&lab);
    lab_await_token(&lab, true);
    lab_key(&lab, &key, 1, lab_question("example.", 13, SIGNING_CSK));
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i] = LAB_A(&key, "www.example.");
        jobs[i].job = i;
    }
    for (unsigned i = 0; i < JOBS; i += JOBS / 4)
        lab_send_jobs(&lab, BULK, jobs + i, JOBS / 4);
    struct sign_job job = LAB_A(&key, "urgent.example.");
    lab_check_signs(&lab, ORDERS, &key, &job);
    for (unsigned answers = 0; answers < JOBS;) {
        struct message message = lab_await(&lab, BULK, MESSAGE_SIGNATURES);
        struct reader results = span_reader(message.signatures.results);
        for (unsigned i = 0; i < message.signatures.count; i++, answers++) {
            struct sign_result result;
            sign_result_read(&results, &result);
            ck_assert_msg(result.outcome == SIGNING_DONE, "%s", result.text);
            struct reader run = rdata_run_reader(&result.signatures), rdata;
            ck_assert(rdata_next(&run, &rdata));
            lab_check_rrsig(&key, &jobs[result.job], rdata);
        }
    }
    struct message_key_ensure edwards = lab_question("example.", 15, SIGNING_CSK);
    struct message_key answer = lab_ask(&lab, edwards);
    ck_assert(!answer.ok);
    ck_assert_ptr_nonnull(strstr(answer.text, "lacks the mechanism"));
    snprintf(words, sizeof words, "stop %s", lab.folder);
    struct message stop = {.kind = MESSAGE_STOP};
    lab_send(&lab, lab.supervisor, &stop);
    ck_assert_int_eq(lab_await_end(&lab), 0);
    ck_assert_int_eq(token_script(&nowhere, words), 0);
    lab_tidy(&lab);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signer/room");
    TCase *tests = tcase_create("SoftHSM");

    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, makes_keys_and_signs, 0, COUNT(algorithms));
    tcase_add_test(tests, signs_with_several_keys);
    tcase_add_test(tests, finds_keys_again);
    tcase_add_test(tests, answers_every_job);
    tcase_add_test(tests, divides_large_results);
    tcase_add_test(tests, refuses);
    tcase_add_test(tests, bounds_what_the_keeper_asks_for);
    tcase_add_test(tests, has_no_such_key);
    tcase_add_test(tests, forgets_keys);
    tcase_add_test(tests, survives_malformed_letters);
    tcase_add_test(tests, answers_what_it_can_read);
    tcase_add_test(tests, takes_over_new_zones);
    tcase_add_test(tests, starts_anew_for_another_policy);
    tcase_add_test(tests, ends_with_its_supervisor);
    tcase_add_test(tests, signs_with_a_tpm);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
