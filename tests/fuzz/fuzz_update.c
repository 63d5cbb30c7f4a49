/* fuzz_update.c - any octets as the sections of an UPDATE: what is packed can be read, and holds
 * what RFC 2136 allows it to hold. */
#include <stdlib.h>
#include <string.h>

#include "avow/wire/rdata.h"
#include "src/desk/update.h"

static const char text[] =
    "server: {listen: [127.0.0.1@5300], state: /tmp/none, control: /tmp/none.sock}\n"
    "tsig: [{name: k., algorithm: hmac-sha256, secret-file: /tmp/none}]\n"
    "zones:\n"
    "  - {name: z., file: z, policy: none, allow-update: [{key: k.}]}\n"
    "  - {name: a., file: a, policy: none, allow-update: [\n"
    "     {key: k., names: [{subdomain: b.a.}], types: [A, TXT], records-per-name: 3}]}\n";

static struct config config;
static uint8_t rdata[MESSAGE_MAX_OCTETS], packed[MESSAGE_PIECE_OCTETS];

static void ignore(void *context, const struct complaint *complaint)
{
    (void)context, (void)complaint;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const struct config_source source = {
        .path = "/tmp/none.yaml", .text = text, .length = sizeof text - 1};
    struct complaints complaints = {.take = ignore};
    (void)argc, (void)argv;

    if (config_parse(&config, &source, CONFIG_TEXT, &complaints))
        abort();
    return 0;
}

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check(const struct update_order *order, struct span span, uint16_t count, bool changes)
{
    struct reader reader = span_reader(span);
    struct update_record record;

    for (uint16_t i = 0; i < count; i++) {
        update_record_read(&reader, &record);
        must(!reader.failed && name_is_within(&record.owner, &order->zone->name));
        must(record.ttl >> 31 == 0);
        if (record.class_ == CLASS_IN || (changes && record.class_ == CLASS_NONE))
            must(rdata_check(record.type, record.rdata.octets, record.rdata.length) == RESULT_OK);
        else
            must(record.rdata.length == 0 && record.ttl == 0);
        if (changes)
            must(config_grant_find(order->zone, order->peer, &record.owner, record.type) != NULL);
    }
    must(reader_finish(&reader) == RESULT_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t address[4] = {192, 0, 2, 1};
    struct config_peer peer = {.key = config.tsig, .family = 4, .address = address};
    struct update update;

    if (size < 3)
        return 0;
    struct update_order order = {.zone = &config.zones[data[0] & 1],
                                 .peer = &peer,
                                 .prerequisites = data[1],
                                 .changes = data[2],
                                 .rdata = rdata,
                                 .packed = packed};
    struct reader message = reader_over(data + 3, size - 3);
    update_read(&message, &order, &update);
    must(update.refusal == RCODE_NOERROR || update.change_count == 0);
    check(&order, update.prerequisites, update.prerequisite_count, false);
    check(&order, update.changes, update.change_count, true);
    return 0;
}
