/*
 * fuzz_notify.c - any octets as the answer to a NOTIFY, signed and unsigned.
 *
 * What is taken for an answer is one: its id, bits and opcode are looked at in another way. What is
 * taken for a signed answer, which the fuzzer has from the seeds, is none when a bit of it changes.
 */
#include <stdlib.h>
#include <string.h>

#include "src/desk/notify_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { NOW = 1700000000, ID = 0x1234, SECRET_OCTETS = 32, MAC_OCTETS = 32 };

static struct tsig_keyring keyring;
static struct name zone;

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    uint8_t secret[SECRET_OCTETS];
    struct tsig_key key = {
        .algorithm = TSIG_HMAC_SHA256, .secret = secret, .secret_length = sizeof secret};

    (void)argc, (void)argv;
    memset(secret, 's', sizeof secret);
    must(name_from_string("peer.", &key.name) == RESULT_OK);
    must(name_from_string("a.example.", &zone) == RESULT_OK);
    must(tsig_keyring_open(&keyring, &key, 1) == RESULT_OK);
    return 0;
}

static enum notify_verdict judge(const uint8_t *data, size_t size, const struct tsig_key *key)
{
    struct notify_terms terms = {.zone = &zone, .keyring = &keyring, .key = key, .now = NOW};
    struct notify_sent sent = {.id = ID, .time_signed = NOW, .mac_length = MAC_OCTETS};
    struct notify_answer answer = {.rcode = 0xffff};

    for (unsigned i = 0; i < MAC_OCTETS; i++)
        sent.mac[i] = (uint8_t)(i + 1);
    enum notify_verdict verdict = notify_judge(&terms, &sent, data, size, &answer);
    must(verdict == NOTIFY_FOREIGN || answer.rcode <= 15);
    must((verdict == NOTIFY_UNTRUSTED) == (answer.text != NULL));
    return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum notify_verdict plain = judge(data, size, NULL);
    enum notify_verdict trusted = judge(data, size, &keyring.keys[0]);

    must(plain != NOTIFY_UNTRUSTED);
    must((plain == NOTIFY_FOREIGN) == (trusted == NOTIFY_FOREIGN));
    if (plain == NOTIFY_FOREIGN)
        return 0;
    must(size >= MESSAGE_HEADER_OCTETS && data[0] == ID >> 8 && data[1] == (ID & 0xff));
    must((data[2] & 0xf8) == 0xa0);
    must(data[4] == 0 && data[5] <= 1);
    if (trusted == NOTIFY_ANSWERED) {
        uint8_t *changed = malloc(size);
        must(changed != NULL);
        memcpy(changed, data, size);
        changed[3] ^= 1;
        must(judge(changed, size, &keyring.keys[0]) != NOTIFY_ANSWERED);
        free(changed);
    }
    return 0;
}
