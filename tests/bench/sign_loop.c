/*
 * sign_loop.c - the bare rate of a token: nothing but C_SignInit and C_Sign in a loop, per thread.
 *
 *   sign_loop -m MODULE -u URI -p PINFILE [-a ALGORITHM] [-t THREADS] [-n PROCESSES] [-s SECONDS]
 *             [-c none|each|shared] [-k SIGNATURES -f FILE [-g PAGES]] [-j]
 *
 * -c  sign with the token object (none), with a session copy for each thread (each), or with one
 *     session copy for all threads (shared).
 * -n  so many processes, each with so many threads; each process loads the module for itself.
 * -k  one thread alone, which writes PAGES (8) pages of FILE and flushes it after each so many
 *     signatures: what signing and flushing take when one has to wait for the other, which is more
 *     than what either takes in a loop of its own. See flush_loop.c for the file.
 *
 * The key is made when the token has none of the benchmark's. Prints signatures per second.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

#include "avow/pkcs11/location.h"
#include "avow/pkcs11/mechanism.h"
#include "avow/pkcs11/module.h"
#include "avow/pkcs11/object.h"
#include "avow/pkcs11/session.h"
#include "flush.h"

enum copy { COPY_NONE, COPY_EACH, COPY_SHARED };
enum { MOST_THREADS = 64, MESSAGE_OCTETS = 200 };

struct options {
    const char *module, *uri, *pin_file;
    int algorithm, threads, processes;
    double seconds;
    enum copy copy;
    bool json;
    unsigned long between; /* signatures from flush to flush; 0: no flush */
    struct flusher *flusher;
};

/* The token, opened by the library that the signer uses; the loop itself is bare. */
struct token {
    struct pkcs11_module module;
    struct pkcs11_location location;
    struct pkcs11_token token;
    struct pkcs11_mechanisms mechanisms;
    struct pkcs11_session anchor;
    struct pkcs11_key key;
    unsigned long shared;
};

struct worker {
    const struct token *token;
    const struct options *options;
    pthread_t thread;
    pthread_barrier_t *start;
    struct pkcs11_session session;
    unsigned long handle;
    double until; /* set by each worker itself, behind the barrier */
    unsigned long signatures;
    CK_RV code;
};

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void stop(const char *what)
{
    fprintf(stderr, "sign_loop: %s\n", what);
    fflush(stderr);
    _exit(1);
}

static void *loop(void *context)
{
    struct worker *worker = context;
    const struct pkcs11_key *key = &worker->token->key;
    CK_FUNCTION_LIST *call = worker->token->module.functions;
    CK_MECHANISM mechanism = {.mechanism = key->scheme.sign_mechanism};
    size_t length = key->scheme.digest_octets ? key->scheme.digest_octets : MESSAGE_OCTETS;
    uint8_t data[MESSAGE_OCTETS] = {1}, signature[PKCS11_SIGNATURE_OCTETS];

    pthread_barrier_wait(worker->start);
    worker->until = now() + worker->options->seconds;
    while (worker->code == CKR_OK && now() < worker->until) {
        CK_ULONG size = sizeof(signature);
        data[worker->signatures % length]++;
        worker->code = call->C_SignInit(worker->session.handle, &mechanism, worker->handle);
        if (worker->code == CKR_OK)
            worker->code = call->C_Sign(worker->session.handle, data, length, signature, &size);
        worker->signatures++;
        if (worker->options->between && worker->signatures % worker->options->between == 0)
            flush_turn(worker->options->flusher);
    }
    return NULL;
}

static void find_key(struct token *token, const struct options *options)
{
    struct pkcs11_key_name name = {
        .id = {0xbe, (uint8_t)options->algorithm}, .id_length = 2, .label = "benchmark"};
    const struct pkcs11_scheme *scheme =
        pkcs11_mechanisms_for(&token->mechanisms, (uint8_t)options->algorithm);
    struct pkcs11_session writer;
    enum found found;

    if (!scheme)
        stop("the token cannot sign with this algorithm");
    if (pkcs11_key_find(&token->key, &token->anchor, scheme, &name, &found))
        stop(token->anchor.failure.text);
    if (found == FOUND_YES)
        return;
    if (pkcs11_session_open(&writer, &token->module, &token->token, PKCS11_READ_WRITE) ||
        pkcs11_key_generate(&token->key, &writer, scheme, &name, 2048))
        stop(writer.failure.text);
    pkcs11_session_close(&writer);
}

static void open_token(struct token *token, const struct options *options)
{
    struct pkcs11_failure failure;
    struct pkcs11_pin pin;

    if (pkcs11_module_load(&token->module, options->module, NULL, 0, &failure) ||
        pkcs11_location_parse(&token->location, options->uri, &failure) ||
        pkcs11_location_find(&token->location, &token->module, &token->token, &failure) ||
        pkcs11_mechanisms_read(&token->mechanisms, &token->module, &token->token, &failure) ||
        pkcs11_pin_read(&pin, options->pin_file, &failure))
        stop(failure.text);
    if (pkcs11_session_open(&token->anchor, &token->module, &token->token, PKCS11_READ_ONLY) ||
        pkcs11_session_login(&token->anchor, &pin))
        stop(token->anchor.failure.text);
    pkcs11_pin_wipe(&pin);
    find_key(token, options);
    token->shared = token->key.private_handle;
    if (options->copy == COPY_SHARED)
        token->shared = pkcs11_key_session_copy(&token->key, &token->anchor);
}

static void open_worker(struct worker *worker, const struct token *token,
                        const struct options *options, pthread_barrier_t *start)
{
    *worker = (struct worker){.token = token, .options = options, .start = start};
    if (pkcs11_session_open(&worker->session, &token->module, &token->token, PKCS11_READ_ONLY))
        stop(worker->session.failure.text);
    worker->handle = token->shared;
    if (options->copy == COPY_EACH)
        worker->handle = pkcs11_key_session_copy(&token->key, &worker->session);
    if (options->copy != COPY_NONE && worker->handle == token->key.private_handle)
        stop("the token does not copy keys to a session");
    if (pthread_create(&worker->thread, NULL, loop, worker))
        stop("cannot start a thread");
}

/* One process: signatures per second over all of its threads. */
static double measure(const struct options *options)
{
    static struct worker workers[MOST_THREADS];
    struct token token = {.shared = 0};
    pthread_barrier_t start;
    double rate = 0;

    /* One process after the other: SoftHSM rewrites its token's file at each login, and a process
     * that starts meanwhile may find the token empty. */
    int turn = open(options->pin_file, O_RDONLY | O_CLOEXEC);
    if (turn < 0 || flock(turn, LOCK_EX))
        stop("cannot lock the PIN file");
    open_token(&token, options);
    close(turn);
    if (pthread_barrier_init(&start, NULL, (unsigned)options->threads))
        stop("cannot make a barrier");
    for (int i = 0; i < options->threads; i++)
        open_worker(&workers[i], &token, options, &start);
    for (int i = 0; i < options->threads; i++) {
        pthread_join(workers[i].thread, NULL);
        if (workers[i].code != CKR_OK)
            stop(pkcs11_code_name(workers[i].code));
        rate += (double)workers[i].signatures / options->seconds;
    }
    return rate;
}

/* Each process reports over a pipe and ends with _exit: SoftHSM may crash at exit. */
static double measure_all(const struct options *options)
{
    int ends[2];
    double sum = 0, rate;

    if (pipe(ends))
        stop("cannot make a pipe");
    for (int i = 0; i < options->processes; i++) {
        pid_t child = fork();
        if (child < 0)
            stop("cannot fork");
        if (child == 0) {
            rate = measure(options);
            _exit(write(ends[1], &rate, sizeof(rate)) != sizeof(rate));
        }
    }
    close(ends[1]);
    for (int i = 0; i < options->processes; i++) {
        if (read(ends[0], &rate, sizeof(rate)) != sizeof(rate))
            stop("a process failed");
        sum += rate;
    }
    while (wait(NULL) > 0)
        ;
    return sum;
}

static enum copy copy_named(const char *word)
{
    if (strcmp(word, "none") == 0)
        return COPY_NONE;
    if (strcmp(word, "each") == 0)
        return COPY_EACH;
    if (strcmp(word, "shared") == 0)
        return COPY_SHARED;
    stop("-c takes none, each or shared");
    return COPY_NONE;
}

static void read_option(struct options *options, int letter, const char *value)
{
    switch (letter) {
    case 'm':
        options->module = value;
        break;
    case 'u':
        options->uri = value;
        break;
    case 'p':
        options->pin_file = value;
        break;
    case 'a':
        options->algorithm = atoi(value);
        break;
    case 't':
        options->threads = atoi(value);
        break;
    case 'n':
        options->processes = atoi(value);
        break;
    case 's':
        options->seconds = atof(value);
        break;
    case 'c':
        options->copy = copy_named(value);
        break;
    case 'k':
        options->between = strtoul(value, NULL, 10);
        break;
    case 'f':
        options->flusher->path = value;
        break;
    case 'g':
        options->flusher->pages = options->flusher->writes = (unsigned)atoi(value);
        break;
    case 'j':
        options->json = true;
        break;
    default:
        _exit(2);
    }
}

int main(int count, char **arguments)
{
    static const char *const copies[] = {"none", "each", "shared"};
    struct flusher flusher = {.pages = 8, .writes = 8};
    struct options options = {.algorithm = 13,
                              .threads = 1,
                              .processes = 1,
                              .seconds = 3,
                              .copy = COPY_NONE,
                              .flusher = &flusher};
    int letter;

    while ((letter = getopt(count, arguments, "m:u:p:a:t:n:s:c:k:f:g:j")) != -1)
        read_option(&options, letter, optarg);
    if (!options.module || !options.uri || !options.pin_file || options.threads < 1 ||
        options.threads > MOST_THREADS || options.processes < 1 || options.seconds <= 0)
        stop("-m MODULE -u URI -p PINFILE are needed; -t 1 to 64, -n 1 or more, -s above 0");
    if (options.between) {
        if (!flusher.path || !flusher.pages || flusher.pages > FLUSH_MOST_PAGES ||
            options.threads > 1 || options.processes > 1)
            stop("-k takes -f FILE, -g 1 to 1024, and one thread");
        flush_open(&flusher);
    }
    double rate = measure_all(&options);
    if (options.between)
        flush_close(&flusher);
    printf(options.json ? "{\"algorithm\": \"%s\", \"processes\": %d, \"threads\": %d, "
                          "\"copies\": \"%s\", \"signatures_per_second\": %.0f}\n"
                        : "%s, %d processes of %d threads, copies %s: %.0f signatures/s\n",
           pkcs11_algorithm_name((uint8_t)options.algorithm), options.processes, options.threads,
           copies[options.copy], rate);
    fflush(stdout);
    _exit(0);
}
