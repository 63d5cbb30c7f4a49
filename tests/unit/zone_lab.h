/* zone_lab.h - small zones in a store: an apex, an address, and a TXT RRset that is large. */
#ifndef TESTS_UNIT_ZONE_LAB_H
#define TESTS_UNIT_ZONE_LAB_H

#include <stdio.h>

#include "store_support.h"

enum { LAB_BIG_STRINGS = 12, LAB_STRING = 200 };

static inline struct node_rrset lab_rrset(struct buffer *octets, uint16_t type, const void *rdata,
                                          uint16_t length)
{
    size_t start = octets->length;

    buffer_u16(octets, length);
    buffer_add(octets, rdata, length);
    return (struct node_rrset){.rdata = {octets->octets + start, 2U + length, 1},
                               .ttl = 300,
                               .signature_room = 200,
                               .type = type};
}

static inline void lab_node(struct change *change, uint32_t version, const char *owner,
                            struct node_parts parts)
{
    struct name name = name_of(owner);

    change_put_node(change, version, &name, &parts);
}

static inline void lab_apex(struct change *change, uint32_t version, const char *apex)
{
    struct buffer octets = {.octets = NULL};
    uint8_t soa[22] = {0, 0, 0, 0, 0, 1, [20] = 1, 44}, ns[] = {0};
    struct node_rrset rrsets[2];

    (void)buffer_claim(&octets, 256); /* so that it does not move */
    buffer_clear(&octets);
    rrsets[0] = lab_rrset(&octets, TYPE_NS, ns, sizeof ns);
    rrsets[1] = lab_rrset(&octets, TYPE_SOA, soa, sizeof soa);
    lab_node(
        change, version, apex,
        (struct node_parts){.rrsets = rrsets, .count = 2, .flags = NODE_APEX | NODE_HAS_CHILDREN});
    buffer_free(&octets);
}

static inline void lab_address(struct change *change, uint32_t version, const char *owner)
{
    struct buffer octets = {.octets = NULL};
    uint8_t address[] = {192, 0, 2, 1};
    struct node_rrset rrset = lab_rrset(&octets, TYPE_A, address, sizeof address);

    rrset.rdata.octets = octets.octets;
    lab_node(change, version, owner, (struct node_parts){.rrsets = &rrset, .count = 1});
    buffer_free(&octets);
}

static inline void lab_big(struct change *change, uint32_t version, const char *owner)
{
    struct buffer octets = {.octets = NULL};
    uint8_t text[1 + LAB_STRING] = {LAB_STRING};
    struct node_rrset rrset = {.ttl = 300, .type = TYPE_TXT};

    for (unsigned i = 0; i < LAB_BIG_STRINGS; i++) {
        memset(text + 1, 'a' + (int)i, LAB_STRING);
        (void)lab_rrset(&octets, TYPE_TXT, text, sizeof text);
    }
    rrset.rdata = (struct rdata_run){octets.octets, (uint32_t)octets.length, LAB_BIG_STRINGS};
    lab_node(change, version, owner, (struct node_parts){.rrsets = &rrset, .count = 1});
    buffer_free(&octets);
}

/* A zone with www and big. Returns its version. */
static inline uint32_t lab_zone(struct store *store, const char *apex, uint16_t flags)
{
    struct change change;
    struct zone row = {.apex = name_of(apex), .serial = 1, .denial_ttl = 300, .flags = flags};
    char www[NAME_MAX_TEXT], ftp[NAME_MAX_TEXT], big[NAME_MAX_TEXT];

    (void)snprintf(www, sizeof www, "www.%s", apex);
    (void)snprintf(ftp, sizeof ftp, "ftp.%s", apex);
    (void)snprintf(big, sizeof big, "big.%s", apex);
    begin(&change, store);
    ck_assert_int_eq(version_new(&change, &row.version), RESULT_OK);
    lab_apex(&change, row.version, apex);
    lab_address(&change, row.version, www);
    lab_address(&change, row.version, ftp);
    lab_big(&change, row.version, big);
    change_put_zone(&change, &row);
    commit(&change);
    return row.version;
}

#endif
