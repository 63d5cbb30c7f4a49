/* keeper_signer.c - a signer for tests of the keeper: a thread without a token. */
#include "keeper_signer.h"

#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "avow/base/hash.h"
#include "avow/dnssec/dnskey.h"
#include "avow/dnssec/rrsig.h"

uint64_t fake_hash(const struct name *owner, uint16_t type, uint32_t ttl,
                   const struct rdata_run *rdata)
{
    struct hash_key key;
    const uint8_t seed[HASH_SEED_OCTETS] = {7};
    uint8_t head[NAME_MAX_OCTETS + 6];
    struct writer writer = writer_over(head, sizeof head);
    struct name lower = *owner;

    name_lower(&lower);
    hash_key_from_seed(&key, seed);
    writer_add(&writer, lower.octets, lower.length);
    writer_u16(&writer, type);
    writer_u32(&writer, ttl);
    return hash_pair(&key, head, writer.length, rdata->octets, rdata->length);
}

static void tell(int descriptor, const struct message *message)
{
    struct frame *frame = frame_make();

    ck_assert_ptr_nonnull(frame);
    (void)!letter_send(descriptor, message, frame, LETTER_WAIT); /* the keeper may be gone */
    frame_free(frame);
}

static void tell_tokens(struct fake_signer *signer)
{
    static const char *const names[FAKE_KEYSTORES] = {"a", "b"};

    for (unsigned i = 0; i < FAKE_KEYSTORES; i++) {
        bool up = !(atomic_load(&signer->down) >> i & 1);
        tell(signer->ends[SIGNING_ORDERS],
             &(struct message){.kind = MESSAGE_TOKEN,
                               .token = {.keystore = names[i],
                                         .up = up,
                                         .text = up ? "a token" : "no token in the slot"}});
    }
}

/* The same identifier gives the same key. */
static void make_dnskey(const struct message_key_ensure *ensure, struct writer *rdata)
{
    writer_u16(rdata, ensure->flags);
    writer_u8(rdata, 3);
    writer_u8(rdata, ensure->algorithm);
    for (unsigned i = 0; i < 64; i++)
        writer_u8(rdata, (uint8_t)(ensure->id.octets[i % ensure->id.length] + i));
}

static void ensure_key(struct fake_signer *signer, const struct message_key_ensure *ensure)
{
    uint8_t dnskey[4 + 64];
    struct writer writer = writer_over(dnskey, sizeof dnskey);
    bool down = atomic_load(&signer->down) >> (ensure->keystore[0] - 'a') & 1;
    struct message key = {.kind = MESSAGE_KEY,
                          .key = {.request = ensure->request,
                                  .number = ensure->number,
                                  .id = ensure->id,
                                  .text = "no token in the slot"}};

    atomic_fetch_add(&signer->keys_asked, 1);
    if (!down) {
        make_dnskey(ensure, &writer);
        struct fake_key *place = &signer->keys[ensure->number % FAKE_KEYS];
        *place = (struct fake_key){.number = ensure->number,
                                   .tag = dnskey_tag_of_rdata(dnskey, writer.length),
                                   .zone = ensure->zone};
        key.key.ok = key.key.generated = true;
        key.key.dnskey = span_of(dnskey, writer.length);
        key.key.text = "";
    }
    tell(signer->ends[SIGNING_ORDERS], &key);
}

/* A run with a signature by each key. False: a key is unknown. */
static bool sign(struct fake_signer *signer, const struct sign_job *job, struct buffer *run)
{
    for (unsigned i = 0; i < job->key_count; i++) {
        const struct fake_key *key = &signer->keys[job->keys[i] % FAKE_KEYS];
        uint8_t rdata[RRSIG_MAX_OCTETS], signature[FAKE_SIGNATURE] = {0};
        struct writer writer = writer_over(rdata, sizeof rdata);
        struct writer begin = writer_over(signature, 8);
        if (key->number != job->keys[i] || atomic_load(&signer->unknown))
            return false;
        writer_u64(&begin, fake_hash(&job->owner, job->type, job->ttl, &job->rdata));
        struct rrsig_fields fields = {.covered = job->type,
                                      .algorithm = 13,
                                      .labels = rrsig_labels(&job->owner),
                                      .original_ttl = job->ttl,
                                      .expiration = job->expiration,
                                      .inception = job->inception,
                                      .key_tag = key->tag,
                                      .signer = key->zone};
        rrsig_write(&writer, &fields, signature, sizeof signature);
        buffer_u16(run, (uint16_t)writer.length);
        buffer_add(run, rdata, writer.length);
    }
    return true;
}

static bool fails(struct fake_signer *signer)
{
    uint32_t left = atomic_load(&signer->fail);

    return left && atomic_compare_exchange_strong(&signer->fail, &left, left - 1);
}

static void do_job(struct fake_signer *signer, const struct sign_job *job, struct writer *results)
{
    struct buffer run = {.length = 0};
    struct sign_result result = {.job = job->job, .outcome = SIGNING_DONE, .text = ""};

    if (atomic_load(&signer->slow_us))
        (void)usleep(atomic_load(&signer->slow_us));
    if (fails(signer))
        result = (struct sign_result){
            .job = job->job, .outcome = SIGNING_TOKEN, .text = "C_Sign: CKR_DEVICE_ERROR"};
    else if (!sign(signer, job, &run))
        result = (struct sign_result){
            .job = job->job, .outcome = SIGNING_UNKNOWN_KEY, .text = "no such key"};
    else
        result.signatures =
            (struct rdata_run){run.octets, (uint32_t)run.length, (uint16_t)job->key_count};
    atomic_fetch_add(&signer->jobs, result.outcome == SIGNING_DONE);
    sign_result_write(results, &result);
    buffer_free(&run);
}

static void note_order(struct fake_signer *signer, const struct sign_job *job)
{
    uint32_t count = atomic_load(&signer->order_count);

    if (count < FAKE_ORDERS)
        signer->orders[count] = job->owner;
    atomic_store(&signer->order_count, count + 1);
}

static void do_jobs(struct fake_signer *signer, int descriptor, const struct message_sign *letter)
{
    struct reader jobs = span_reader(letter->jobs);
    uint8_t *octets = malloc(MESSAGE_PIECE_OCTETS);
    struct writer results = writer_over(octets, MESSAGE_PIECE_OCTETS);

    ck_assert_ptr_nonnull(octets);
    atomic_fetch_add(&signer->letters, 1);
    for (unsigned i = 0; i < letter->count; i++) {
        struct sign_job job;
        sign_job_read(&jobs, &job);
        ck_assert(!jobs.failed);
        if (descriptor == signer->ends[SIGNING_ORDERS])
            note_order(signer, &job);
        do_job(signer, &job, &results);
    }
    ck_assert(!results.failed);
    if (!atomic_load(&signer->silent))
        tell(descriptor,
             &(struct message){.kind = MESSAGE_SIGNATURES,
                               .signatures = {.count = letter->count,
                                              .results = span_of(octets, results.length)}});
    free(octets);
}

static void *run(void *context)
{
    struct fake_signer *signer = context;
    struct frame *frame = frame_make();
    bool closed = false;

    ck_assert_ptr_nonnull(frame);
    uint32_t told = ~atomic_load(&signer->down);
    while (!closed) {
        if (atomic_load(&signer->down) != told) {
            told = atomic_load(&signer->down);
            tell_tokens(signer);
        }
        struct pollfd polled[2] = {{.fd = signer->ends[0], .events = POLLIN},
                                   {.fd = signer->ends[1], .events = POLLIN}};
        if (poll(polled, 2, 20) < 0)
            break;
        for (unsigned i = 0; i < 2; i++) {
            struct message message;
            bool held = atomic_load(&signer->hold) ||
                        (i == SIGNING_BULK && atomic_load(&signer->hold_bulk));
            if (held && !(polled[i].revents & POLLHUP))
                continue;
            enum letter_outcome outcome = letter_receive(signer->ends[i], frame, LETTER_NOW);
            closed |= outcome == LETTER_CLOSED;
            if (outcome != LETTER_DONE)
                continue;
            ck_assert_int_eq(message_read(frame, &message), RESULT_OK);
            if (message.kind == MESSAGE_KEY_ENSURE)
                ensure_key(signer, &message.key_ensure);
            if (message.kind == MESSAGE_SIGN)
                do_jobs(signer, signer->ends[i], &message.sign);
        }
    }
    frame_free(frame);
    return NULL;
}

void fake_signer_start(struct fake_signer *signer, int theirs[2])
{
    for (unsigned i = 0; i < 2; i++) {
        int pair[2];
        ck_assert_int_eq(channel_pair(pair), RESULT_OK);
        signer->ends[i] = pair[0];
        theirs[i] = pair[1];
    }
    memset(signer->keys, 0, sizeof signer->keys);
    ck_assert_int_eq(pthread_create(&signer->thread, NULL, run, signer), 0);
}

void fake_signer_kill(struct fake_signer *signer)
{
    for (unsigned i = 0; i < 2; i++)
        (void)shutdown(signer->ends[i], SHUT_RDWR);
    (void)pthread_join(signer->thread, NULL);
    for (unsigned i = 0; i < 2; i++)
        (void)close(signer->ends[i]);
}
