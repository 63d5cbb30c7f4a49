/*
 * signer_lab.h - the signer itself, in a process of its own, and the test as its supervisor and its
 * keeper. Include it once in a test program.
 */
#ifndef TESTS_UNIT_SIGNER_LAB_H
#define TESTS_UNIT_SIGNER_LAB_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "avow/config/share.h"
#include "avow/dnssec/verify.h"
#include "avow/ipc/channel.h"
#include "avow/room/pages.h"
#include "avow/signer/signer.h"
#include "avow/wire/type.h"
#include "name_of.h"
#include "token.h"

#define SOMETIMES __attribute__((unused)) /* not by every program that includes this */

enum { PATIENCE_SECONDS = 30, VALIDITY = 14 * 86400 };

/* A signer and everything around it. */
struct lab {
    char *folder; /* of the token: the signer may go there */
    char *house;  /* of the state, where it may not */
    struct token_place place;
    char control[PATH_MAX], calls[PATH_MAX], log[PATH_MAX];
    const char *uri, *pin, *verify; /* NULL: what is right; "sample" */
    bool network;                   /* the token is reached through it */
    struct config config;
    pid_t pid;
    int supervisor, lines[SIGNING_CHANNELS];
    struct frame *frame;
    struct metrics_page *metrics;
    uint32_t requests;
    bool up;         /* of the TOKEN that came last */
    unsigned tokens; /* TOKEN letters so far */
    char text[4096]; /* its text */
};

/* ---- files and configuration ---------------------------------------------------------------- */

SOMETIMES static void lab_softhsm(struct lab *lab)
{
    char words[PATH_MAX];

    lab->folder = folder_make();
    lab->house = folder_make();
    snprintf(words, sizeof words, "softhsm %s avow 1234", lab->folder);
    int code = token_script(&lab->place, words);
    if (code == TOKEN_MISSING) {
        printf("SKIPPED: SoftHSM is not installed\n");
        fflush(stdout);
        _exit(EXIT_SUCCESS);
    }
    ck_assert_int_eq(code, 0);
}

/* Put the module that fails on order before the real one. */
SOMETIMES static void lab_fault(struct lab *lab)
{
    char fault[PATH_MAX + 32], path[PATH_MAX];

    token_fault_module(fault);
    ck_assert_ptr_nonnull(realpath(fault, path)); /* a configuration takes no other form */
    snprintf(lab->control, sizeof lab->control, "%s/control", lab->folder);
    snprintf(lab->calls, sizeof lab->calls, "%s/calls", lab->folder);
    ck_assert_int_eq(setenv("AVOW_FAULT_MODULE", lab->place.module, 1), 0);
    ck_assert_int_eq(setenv("AVOW_FAULT_CONTROL", lab->control, 1), 0);
    ck_assert_int_eq(setenv("AVOW_FAULT_LOG", lab->calls, 1), 0);
    ck_assert_uint_lt(strlen(path), sizeof lab->place.module);
    strcpy(lab->place.module, path);
}

SOMETIMES static void lab_order(struct lab *lab, const char *orders)
{
    token_write(lab->control, orders, 0600);
}

/* How often a call stands in the fault module's log. */
SOMETIMES static unsigned lab_calls(struct lab *lab, const char *function)
{
    char line[128];
    unsigned calls = 0;

    FILE *file = fopen(lab->calls, "re");
    while (file && fgets(line, sizeof line, file))
        calls += strncmp(line, function, strlen(function)) == 0 && line[strlen(function)] == ' ';
    if (file)
        fclose(file);
    return calls;
}

/* Whether a line of the signer's log holds a text. */
SOMETIMES static bool lab_logged(struct lab *lab, const char *text)
{
    char line[4096];
    bool found = false;

    FILE *file = fopen(lab->log, "re");
    while (file && !found && fgets(line, sizeof line, file))
        found = strstr(line, text) != NULL;
    if (file)
        fclose(file);
    return found;
}

SOMETIMES static void lab_say(struct lab *lab)
{
    char line[4096];

    FILE *file = fopen(lab->log, "re");
    while (file && fgets(line, sizeof line, file))
        fprintf(stderr, "%s", line);
    if (file)
        fclose(file);
}

static void lab_complain(void *context, const struct complaint *complaint)
{
    char text[4096];
    (void)context;

    if (complaint->weight != COMPLAINT_ERROR)
        return;
    (void)complaint_text(complaint, text, sizeof text);
    ck_abort_msg("%s", text);
}

/* What the module reads from its environment, as the configuration has it. */
static void lab_write_environment(const struct lab *lab, char *text, size_t size)
{
    size_t length = 0;

    text[0] = '\0';
    for (size_t i = 0; i < lab->place.count; i++) {
        int more = snprintf(text + length, size - length, "%s%s: \"%s\"", i ? ", " : "",
                            lab->place.names[i], lab->place.values[i]);
        ck_assert_int_lt(more, size - length);
        length += (size_t)more;
    }
}

/* Some zones, all of one policy, and what else `more` says. */
SOMETIMES static void lab_configure(struct lab *lab, const char *more)
{
    char path[PATH_MAX + 16], text[16384], environment[4096];
    struct complaints complaints = {.take = lab_complain};
    int length;

    snprintf(path, sizeof path, "%s/pin", lab->house);
    token_write(path, lab->pin ? lab->pin : "1234\n", 0600);
    snprintf(path, sizeof path, "%s/zone", lab->house);
    token_write(path, "", 0644);
    snprintf(path, sizeof path, "%s/state", lab->house);
    ck_assert(mkdir(path, 0700) == 0 || errno == EEXIST);
    lab_write_environment(lab, environment, sizeof environment);
    length = snprintf(
        text, sizeof text,
        "server: {listen: [127.0.0.1@5300], state: %s/state, control: %s/control}\n"
        "keystores:\n"
        "  - {name: default, module: %s, uri: \"%s\", pin-file: %s/pin, sessions: 2,\n"
        "     network: %s, environment: {%s}}\n"
        "policies:\n"
        "  - {name: default, verify-signatures: %s}\n"
        "zones:\n"
        "  - {name: example., file: %s/zone}\n"
        "  - {name: example.net., file: %s/zone}\n%s",
        lab->house, lab->house, lab->place.module, lab->uri ? lab->uri : "pkcs11:token=avow",
        lab->house, lab->network ? "on" : "off", environment, lab->verify ? lab->verify : "sample",
        lab->house, lab->house, more ? more : "");
    ck_assert_int_lt(length, sizeof text);
    struct config_source source = {.path = "avow.yaml", .text = text, .length = (size_t)length};
    config_free(&lab->config);
    ck_assert_int_eq(config_parse(&lab->config, &source, CONFIG_SECRETS, &complaints), RESULT_OK);
}

/* ---- the supervisor's part ------------------------------------------------------------------ */

static void lab_send(struct lab *lab, int end, const struct message *message)
{
    ck_assert_int_eq(letter_send(end, message, lab->frame, LETTER_WAIT), LETTER_DONE);
}

/* Nothing is waited for for ever. */
static void lab_set_patience(int end)
{
    struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    ck_assert_int_eq(setsockopt(end, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
}

static void lab_share(struct lab *lab, enum message_kind kind)
{
    struct buffer share = {.octets = NULL};
    struct message message = {.kind = kind};

    ck_assert_int_eq(share_write(&lab->config, SHARE_SIGNER, &share), RESULT_OK);
    ck_assert_uint_le(share.length, MESSAGE_PIECE_OCTETS);
    struct span octets = span_of(share.octets, share.length);
    if (kind == MESSAGE_CONFIGURE)
        message.configure = (struct message_configure){.last = 1, .share = octets};
    else
        message.reload = (struct message_reload){.last = 1, .share = octets};
    lab_send(lab, lab->supervisor, &message);
    buffer_free(&share);
}

static void lab_tell_log(struct lab *lab)
{
    snprintf(lab->log, sizeof lab->log, "%s/log", lab->house);
    int log = open(lab->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ck_assert_int_ge(log, 0);
    struct message message = {.kind = MESSAGE_LOG,
                              .log = {.level = LOG_LEVEL_DEBUG, .descriptor = log}};
    lab_send(lab, lab->supervisor, &message);
    close(log);
}

static void lab_tell_metrics(struct lab *lab)
{
    int writable, readable;

    ck_assert_int_eq(page_make(PAGE_METRICS, &writable, &readable), RESULT_OK);
    lab->metrics = page_map(PAGE_METRICS, readable, false);
    ck_assert_ptr_nonnull(lab->metrics);
    struct message message = {
        .kind = MESSAGE_PAGE,
        .page = {.kind = PAGE_METRICS, .room = ROOM_SIGNER, .writable = 1, .descriptor = writable}};
    lab_send(lab, lab->supervisor, &message);
    close(writable);
    close(readable);
}

/* New channels, as when the keeper was started anew. */
SOMETIMES static void lab_join(struct lab *lab)
{
    for (uint16_t i = 0; i < SIGNING_CHANNELS; i++) {
        int ends[2];
        if (lab->lines[i] > 0)
            close(lab->lines[i]);
        ck_assert_int_eq(channel_pair(ends), RESULT_OK);
        lab->lines[i] = ends[0];
        lab_set_patience(ends[0]);
        struct message message = {.kind = MESSAGE_PEER,
                                  .peer = {.room = ROOM_KEEPER, .index = i, .descriptor = ends[1]}};
        lab_send(lab, lab->supervisor, &message);
        close(ends[1]);
    }
}

/* The signer's process: its end of the channel and the lock have their agreed numbers. */
static void lab_become(int end) __attribute__((noreturn));
static void lab_become(int end)
{
    int spare = fcntl(end, F_DUPFD, 10);
    int lock = open("/dev/null", O_RDWR);

    if (spare < 0 || lock < 0 || dup2(lock, ROOM_LOCK_DESCRIPTOR) < 0 ||
        dup2(spare, ROOM_SUPERVISOR_DESCRIPTOR) < 0)
        _exit(99);
    closefrom(ROOM_LOCK_DESCRIPTOR + 1);
    struct room *room = room_open(ROOM_SIGNER);
    _exit(room ? signer_main(room) : 98);
}

static void lab_await_ready(struct lab *lab)
{
    struct message message;

    ck_assert_int_eq(letter_receive(lab->supervisor, lab->frame, LETTER_WAIT), LETTER_DONE);
    ck_assert_int_eq(message_read(lab->frame, &message), RESULT_OK);
    ck_assert_msg(message.kind == MESSAGE_READY, "%s: %s", message_name(message.kind),
                  message.kind == MESSAGE_FAILED ? message.failed.text : "");
}

/* Start the signer as configured (by lab_configure, or by itself in the plainest way). */
SOMETIMES static void lab_start(struct lab *lab)
{
    struct message start = {.kind = MESSAGE_START, .start = {.workers = 1}};
    int ends[2];

    if (!lab->config.memory)
        lab_configure(lab, NULL);
    if (!lab->frame)
        lab->frame = frame_make();
    ck_assert_ptr_nonnull(lab->frame);
    ck_assert_int_eq(channel_pair(ends), RESULT_OK);
    lab->pid = fork();
    ck_assert_int_ge(lab->pid, 0);
    if (lab->pid == 0)
        lab_become(ends[1]);
    close(ends[1]);
    lab->supervisor = ends[0];
    lab_set_patience(ends[0]);
    lab_share(lab, MESSAGE_CONFIGURE);
    lab_tell_log(lab);
    lab_tell_metrics(lab);
    lab_join(lab);
    lab_send(lab, lab->supervisor, &start);
    lab_await_ready(lab);
}

/* The exit code of the signer, which ends by itself. */
SOMETIMES static int lab_await_end(struct lab *lab)
{
    int status;

    for (int i = 0; i < PATIENCE_SECONDS * 100; i++) {
        pid_t pid = waitpid(lab->pid, &status, WNOHANG);
        ck_assert_int_ge(pid, 0);
        if (pid > 0) {
            if (WIFSIGNALED(status))
                lab_say(lab);
            ck_assert_msg(WIFEXITED(status), "signal %d", WTERMSIG(status));
            return WEXITSTATUS(status);
        }
        usleep(10000);
    }
    ck_abort_msg("the signer does not end");
    return -1;
}

SOMETIMES static void lab_tidy(struct lab *lab)
{
    config_free(&lab->config);
    frame_free(lab->frame);
    folder_remove(lab->folder);
    folder_remove(lab->house);
}

/* Stop it, tidy up. */
SOMETIMES static void lab_end(struct lab *lab)
{
    struct message stop = {.kind = MESSAGE_STOP};

    lab_send(lab, lab->supervisor, &stop);
    ck_assert_int_eq(lab_await_end(lab), 0);
    lab_tidy(lab);
}

/* ---- the keeper's part ---------------------------------------------------------------------- */

static void lab_note_token(struct lab *lab, const struct message_token *token)
{
    lab->up = token->up;
    lab->tokens++;
    snprintf(lab->text, sizeof lab->text, "%s", token->text);
}

/* The next message of a kind from a channel; TOKENs before it are noted. It points into the lab's
 * frame. */
SOMETIMES static struct message lab_await(struct lab *lab, int line, enum message_kind kind)
{
    struct message message;

    for (;;) {
        enum letter_outcome outcome = letter_receive(lab->lines[line], lab->frame, LETTER_WAIT);
        if (outcome != LETTER_DONE)
            lab_say(lab);
        ck_assert_int_eq(outcome, LETTER_DONE);
        ck_assert_int_eq(message_read(lab->frame, &message), RESULT_OK);
        if (message.kind == MESSAGE_TOKEN)
            lab_note_token(lab, &message.token);
        if (message.kind == kind)
            return message;
        ck_assert_int_eq(message.kind, MESSAGE_TOKEN);
    }
}

/* Until the token is said to be up, or not to be. */
SOMETIMES static void lab_await_token(struct lab *lab, bool up)
{
    do
        (void)lab_await(lab, SIGNING_ORDERS, MESSAGE_TOKEN);
    while (lab->up != up);
}

/* What the test remembers of a key. */
struct lab_key {
    uint32_t number;
    struct name zone;
    enum signing_role role;
    uint8_t algorithm, id[64];
    size_t id_length;
    bool generated;
    struct dnskey dnskey;
};

SOMETIMES static struct message_key_ensure lab_question(const char *zone, uint8_t algorithm,
                                                        enum signing_role role)
{
    struct message_key_ensure question = {.keystore = "default",
                                          .algorithm = algorithm,
                                          .flags = role == SIGNING_ZSK ? 256 : 257,
                                          .role = (uint8_t)role,
                                          .bits = 2048,
                                          .may_generate = 1,
                                          .validity = VALIDITY + 60};
    struct name name = name_of(zone);

    name_copy(&question.zone, &name);
    return question;
}

/* Ask; the answer points into the lab's frame. */
SOMETIMES static struct message_key lab_ask(struct lab *lab, struct message_key_ensure question)
{
    struct message message = {.kind = MESSAGE_KEY_ENSURE, .key_ensure = question};

    message.key_ensure.request = ++lab->requests;
    lab_send(lab, lab->lines[SIGNING_ORDERS], &message);
    struct message answer = lab_await(lab, SIGNING_ORDERS, MESSAGE_KEY);
    ck_assert_uint_eq(answer.key.request, lab->requests);
    ck_assert_uint_eq(answer.key.number, question.number);
    return answer.key;
}

/* A key that must come about. */
SOMETIMES static void lab_key(struct lab *lab, struct lab_key *key, uint32_t number,
                              struct message_key_ensure question)
{
    question.number = number;
    struct message_key answer = lab_ask(lab, question);
    struct reader rdata = span_reader(answer.dnskey);

    if (!answer.ok)
        lab_say(lab);
    ck_assert_msg(answer.ok, "%s", answer.text);
    *key = (struct lab_key){.number = number,
                            .role = (enum signing_role)question.role,
                            .algorithm = question.algorithm,
                            .id_length = answer.id.length,
                            .generated = answer.generated};
    name_copy(&key->zone, &question.zone);
    ck_assert_uint_le(answer.id.length, sizeof key->id);
    memcpy(key->id, answer.id.octets, answer.id.length);
    ck_assert_int_eq(dnskey_read(&rdata, &key->dnskey), RESULT_OK);
    ck_assert_ptr_null(dnskey_fault(&key->dnskey));
    ck_assert_uint_eq(key->dnskey.flags, question.flags);
}

/* A job over one record that every type's rules let pass: `rdata` as it is. */
SOMETIMES static struct sign_job lab_job(const struct lab_key *key, const char *owner,
                                         uint16_t type, const char *run, size_t run_length)
{
    uint32_t now = (uint32_t)clock_wall_seconds();
    struct sign_job job = {
        .job = 77,
        .key_count = 1,
        .keys = {key->number},
        .inception = now - 3600,
        .expiration = now - 3600 + VALIDITY,
        .type = type,
        .ttl = 3600,
        .rdata = {.octets = (const uint8_t *)run, .length = (uint32_t)run_length, .count = 1}};
    job.owner = name_of(owner);
    return job;
}

#define LAB_A(key, owner) lab_job(key, owner, TYPE_A, "\0\4\300\0\2\1", 6)

SOMETIMES static void lab_send_jobs(struct lab *lab, int line, const struct sign_job *jobs,
                                    uint16_t count)
{
    uint8_t *octets = malloc(MESSAGE_PIECE_OCTETS);
    struct writer writer = writer_over(octets, MESSAGE_PIECE_OCTETS);

    for (unsigned i = 0; i < count; i++)
        sign_job_write(&writer, &jobs[i]);
    ck_assert(!writer.failed);
    struct message message = {.kind = MESSAGE_SIGN,
                              .sign = {.count = count, .jobs = span_of(octets, writer.length)}};
    lab_send(lab, lab->lines[line], &message);
    free(octets);
}

/* One job, and its result, which points into the lab's frame. */
SOMETIMES static struct sign_result lab_sign(struct lab *lab, int line, const struct sign_job *job)
{
    struct sign_result result;

    lab_send_jobs(lab, line, job, 1);
    struct message message = lab_await(lab, line, MESSAGE_SIGNATURES);
    ck_assert_uint_eq(message.signatures.count, 1);
    struct reader results = span_reader(message.signatures.results);
    sign_result_read(&results, &result);
    ck_assert_int_eq(reader_finish(&results), RESULT_OK);
    ck_assert_uint_eq(result.job, job->job);
    return result;
}

/* Whether the RDATA are a valid RRSIG over the job by the key. */
SOMETIMES static void lab_check_rrsig(const struct lab_key *key, const struct sign_job *job,
                                      struct reader rdata)
{
    struct rrset rrset = {.owner = &job->owner,
                          .type = job->type,
                          .class_ = CLASS_IN,
                          .ttl = job->ttl,
                          .rdata = job->rdata};
    struct rrsig rrsig;

    ck_assert_int_eq(rrsig_read(&rdata, &rrsig), RESULT_OK);
    struct verify_request request = {
        .rrset = &rrset, .rrsig = &rrsig, .apex = &key->zone, .now = clock_wall_seconds()};
    enum verdict verdict = verify_rrset(&key->dnskey, &request);
    ck_assert_msg(verdict == VERDICT_VALID, "%s", verdict_sentence(verdict));
    ck_assert_uint_eq(rrsig.fields.expiration, job->expiration);
    ck_assert_uint_eq(rrsig.fields.inception, job->inception);
    ck_assert_uint_eq(rrsig.fields.original_ttl, job->ttl);
}

/* A job that must be done, by one key. */
SOMETIMES static void lab_check_signs(struct lab *lab, int line, const struct lab_key *key,
                                      const struct sign_job *job)
{
    struct sign_result result = lab_sign(lab, line, job);
    struct reader run = rdata_run_reader(&result.signatures), rdata;

    if (result.outcome != SIGNING_DONE)
        lab_say(lab);
    ck_assert_msg(result.outcome == SIGNING_DONE, "%s", result.text);
    ck_assert_str_eq(result.text, "");
    ck_assert_uint_eq(result.signatures.count, 1);
    ck_assert(rdata_next(&run, &rdata));
    lab_check_rrsig(key, job, rdata);
    ck_assert(!rdata_next(&run, &rdata));
}

#endif
