/* fuzz_store_record.c - payloads of every table: what opens is walked to its end, and what can be
 * composed again opens as the same. The seal is taken for good: it is not what is tried here. */
#include <stdlib.h>
#include <string.h>

#include "avow/store/chain.h"
#include "avow/store/expiry.h"
#include "avow/store/journal.h"
#include "avow/store/keys.h"
#include "avow/store/node.h"
#include "avow/store/zones.h"

/* Touch every octet, so that the sanitizer sees each. */
static unsigned touch(const struct rdata_run *run)
{
    unsigned sum = 0;

    for (uint32_t i = 0; i < run->length; i++)
        sum += run->octets[i];
    return sum;
}

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void try_rrset(struct reader payload)
{
    struct rrset_view view, again;
    struct buffer value = {.length = 0};

    if (node_open_rrset(payload, &view))
        return;
    touch(&view.rdata);
    touch(&view.signatures);
    struct node_rrset rrset = node_rrset_of(&view);
    must(node_compose_rrset(&rrset, &value) == RESULT_OK);
    must(node_open_rrset(reader_over(value.octets, value.length), &again) == RESULT_OK);
    must(again.rdata.count == view.rdata.count && again.rdata.length == view.rdata.length &&
         again.signatures.length == view.signatures.length && again.ttl == view.ttl);
    buffer_free(&value);
}

static void try_node(struct reader payload)
{
    struct node_view view;
    struct rrset_view rrset;
    uint16_t types[8];
    size_t count = 0;

    if (node_open(payload, &view))
        return;
    for (struct reader rows = view.rows; node_next(&rows, &rrset); count++) {
        touch(&rrset.rdata);
        touch(&rrset.signatures);
        must(node_has(&view, rrset.type));
        must((node_find(&view, rrset.type, &rrset) == RECORD_THERE) == !rrset.apart);
    }
    must(count == view.count && node_types(&view, types, COUNT(types)) == count);
}

/* A sealed record, as a walk over the table of NSEC3 meets it. */
static void try_nsec3(struct reader payload)
{
    static struct store store;
    const uint8_t key[RECORD_PREFIX_OCTETS + NODE_HASH_OCTETS] = {0, 0, 0, 1, 0x40};
    struct buffer value = {.length = 0};
    struct chain_nsec3 nsec3;

    buffer_add(&value, payload.at, reader_left(&payload));
    record_seal(&store, TABLE_NSEC3, key, sizeof key, &value);
    const struct store_record record = {
        .key = key, .key_length = sizeof key, .value = value.octets, .value_length = value.length};
    if (!value.failed && chain_nsec3_open(&record, &store, &nsec3) == RESULT_OK)
        must(nsec3.next >= value.octets &&
             nsec3.next + NODE_HASH_OCTETS <= value.octets + value.length - RECORD_SEAL_OCTETS);
    buffer_free(&value);
}

static void try_zone(struct reader payload)
{
    struct zone zone;
    struct buffer value = {.length = 0};

    if (zone_open(payload, &zone) == RESULT_OK) {
        zone_compose(&zone, &value);
        must(value.length == reader_left(&payload) &&
             memcmp(value.octets, payload.at, value.length) == 0);
    }
    buffer_free(&value);
}

static void try_key(struct reader payload)
{
    struct key_row key;
    struct buffer value = {.length = 0};
    struct key_row again;

    if (key_open(payload, &key) == RESULT_OK) {
        key_compose(&key, &value);
        must(key_open(reader_over(value.octets, value.length), &again) == RESULT_OK);
        must(memcmp(key.dnskey, again.dnskey, sizeof key.dnskey) == 0 && key.tag == again.tag);
    }
    buffer_free(&value);
}

static void try_expiry(struct reader payload)
{
    struct expiry expiry;
    struct buffer value = {.length = 0};
    uint8_t key[EXPIRY_KEY_OCTETS];
    const uint8_t *name = reader_take(&payload, EXPIRY_KEY_OCTETS);

    if (name && expiry_open(name, EXPIRY_KEY_OCTETS, payload, &expiry) == RESULT_OK) {
        expiry_key(&expiry, key);
        expiry_compose(&expiry, &value);
        must(memcmp(key, name, sizeof key) == 0 && value.length == reader_left(&payload) &&
             memcmp(value.octets, payload.at, value.length) == 0);
    }
    buffer_free(&value);
}

/* A first piece; without a good head, one further on. What is read is written again the same. */
static void try_journal(struct reader payload)
{
    struct journal_entry entry;
    struct journal_rrset rrset;
    struct buffer value = {.length = 0};
    struct reader rows = payload;

    if (journal_open(&rows, &entry) == RESULT_OK)
        journal_compose(&entry, &value);
    else
        rows = payload;
    const uint8_t *start = payload.at, *end = rows.at;
    for (; journal_next(&rows, &rrset); end = rows.at) {
        touch(&rrset.rdata);
        must(rrset.rdata.count > 0 && rdata_run_valid(&rrset.rdata));
        journal_add(&value, &rrset);
    }
    must(!journal_next(&rows, &rrset));
    must(value.failed || (value.length == (size_t)(end - start) &&
                          (value.length == 0 || memcmp(value.octets, start, value.length) == 0)));
    buffer_free(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);
int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    static void (*const tries[])(struct reader) = {try_node, try_rrset,  try_nsec3,  try_zone,
                                                   try_key,  try_expiry, try_journal};

    if (length == 0)
        return 0;
    tries[octets[0] % COUNT(tries)](reader_over(octets + 1, length - 1));
    return 0;
}
