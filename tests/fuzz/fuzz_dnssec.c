/* fuzz_dnssec.c - DNSSEC RDATA, bitmaps and signatures made of any octets. */
#include <stdlib.h>

#include "avow/dnssec/ds.h"
#include "avow/dnssec/nsec.h"
#include "avow/dnssec/nsec3.h"
#include "avow/dnssec/verify.h"
#include "avow/dnssec/zonemd.h"
#include "avow/wire/rdata.h"
#include "avow/wire/type.h"

/* What was accepted is written and must be the same octets again. */
static void same_again(const struct writer *written, const uint8_t *octets, size_t length)
{
    if (written->failed || written->length != length || memcmp(written->octets, octets, length))
        abort();
}

/* A public key as a token shows it, of whatever algorithm. */
static void try_shown(const uint8_t *octets, size_t length)
{
    for (unsigned algorithm = 0; algorithm < 20; algorithm++) {
        struct dnskey key = {.flags = 257, .protocol = 3, .algorithm = (uint8_t)algorithm};
        if (dnskey_set_point(&key, (uint8_t)algorithm, octets, length))
            continue;
        if (key.length > length || dnskey_fault(&key) || dnskey_signature_octets(&key) == 0 ||
            !dnskey_equal(&key, &key))
            abort();
    }
}

/* Numbers of an RSA key make a field from which they are read again. */
static void try_numbers(const struct dnskey_rsa *numbers)
{
    struct dnskey key = {.flags = 0};
    struct dnskey_rsa again;

    if (dnskey_set_rsa(&key, numbers))
        return;
    if (dnskey_get_rsa(&key, &again) || again.modulus_length != numbers->modulus_length ||
        again.exponent_length != numbers->exponent_length ||
        memcmp(again.modulus, numbers->modulus, again.modulus_length) ||
        memcmp(again.exponent, numbers->exponent, again.exponent_length))
        abort();
}

static void try_dnskey(const uint8_t *octets, size_t length, struct dnskey *key)
{
    uint8_t again[DNSKEY_MAX_OCTETS];
    struct writer writer = writer_over(again, sizeof(again));
    struct reader rdata = reader_over(octets, length);
    struct digest_context digests;
    struct dnskey_rsa rsa;
    struct name root;
    struct ds ds;
    bool matches;

    *key = (struct dnskey){.flags = 0};
    if (dnskey_read(&rdata, key))
        return;
    dnskey_write(&writer, key);
    same_again(&writer, octets, length);
    if (dnskey_tag(key) != dnskey_tag_of_rdata(octets, length))
        abort();
    (void)dnskey_fault(key);
    if (dnskey_get_rsa(key, &rsa) == RESULT_OK)
        try_numbers(&rsa);

    name_root(&root);
    if (digest_context_open(&digests) || ds_from_dnskey(&digests, &root, key, DS_SHA256, &ds) ||
        ds_matches(&digests, &root, key, &ds, &matches) || !matches)
        abort();
    digest_context_close(&digests);
}

static void try_ds(const uint8_t *octets, size_t length)
{
    uint8_t again[DS_MAX_OCTETS];
    struct writer writer = writer_over(again, sizeof(again));
    struct reader rdata = reader_over(octets, length);
    struct ds ds;

    if (ds_read(&rdata, &ds))
        return;
    ds_write(&writer, &ds);
    same_again(&writer, octets, length);
}

static void try_zonemd(const uint8_t *octets, size_t length)
{
    uint8_t again[6 + 255];
    struct writer writer = writer_over(again, sizeof(again));
    struct zonemd zonemd;

    if (zonemd_read(octets, length, &zonemd))
        return;
    zonemd_write(&writer, &zonemd);
    same_again(&writer, octets, length);
}

/* The types of a bitmap that passes its check give the same bitmap. */
static void try_bitmap(const uint8_t *bitmap, size_t length)
{
    uint8_t again[NSEC_MAX_BITMAP];
    struct writer writer = writer_over(again, sizeof(again));
    static uint16_t types[65536];
    size_t count = 0;

    for (int32_t type = -1; (type = nsec_bitmap_next(bitmap, length, type)) >= 0 && count < 65536;)
        types[count++] = (uint16_t)type;
    (void)nsec_bitmap_has(bitmap, length, length ? bitmap[0] : 0);
    if (nsec_bitmap_check(bitmap, length))
        return;
    nsec_bitmap_write(&writer, types, count);
    same_again(&writer, bitmap, length);
}

static void try_nsec3(const uint8_t *octets, size_t length)
{
    struct reader rdata = reader_over(octets, length), param = rdata, plain = rdata;
    struct nsec3_parameters parameters;
    struct nsec3 nsec3;
    struct nsec nsec;

    if (nsec3_read(&rdata, &nsec3) == RESULT_OK) {
        (void)nsec3_covers(nsec3.next, nsec3.next, nsec3.next);
        try_bitmap(nsec3.bitmap, nsec3.bitmap_length);
    }
    if (nsec_read(&plain, &nsec) == RESULT_OK)
        try_bitmap(nsec.bitmap, nsec.bitmap_length);
    if (nsec3param_read(&param, &parameters) == RESULT_OK) {
        uint8_t hash[NSEC3_HASH_OCTETS], back[NSEC3_HASH_OCTETS];
        struct name root, owner;
        parameters.iterations %= 64;
        name_root(&root);
        nsec3_hash(&parameters, &root, hash);
        if (nsec3_owner(hash, &root, &owner) || nsec3_owner_hash(&owner, back) ||
            memcmp(hash, back, sizeof(hash)))
            abort();
    }
}

/* A key, a signature and an RRset of any octets: nothing may be taken for valid by accident. */
static void try_verify(const struct dnskey *key, const uint8_t *octets, size_t length)
{
    struct reader rdata = reader_over(octets, length);
    static const uint8_t address[] = {0, 4, 192, 0, 2, 1};
    struct rrsig rrsig;
    struct name owner;

    if (rrsig_read(&rdata, &rrsig))
        return;
    uint8_t again[RDATA_MAX_OCTETS];
    struct writer writer = writer_over(again, sizeof(again));
    rrsig_write_fields(&writer, &rrsig.fields);
    if (writer.failed || writer.length + rrsig.signature_length != length)
        abort();

    rrsig.fields.key_tag = dnskey_tag(key);
    rrsig.fields.algorithm = key->algorithm;
    name_copy(&owner, &rrsig.fields.signer);
    struct rrset rrset = {&owner, rrsig.fields.covered, CLASS_IN, 60, {address, 6, 1}};
    struct verify_request request = {&rrset, &rrsig, &owner, rrsig.fields.inception};
    if (verify_rrset(key, &request) == VERDICT_VALID)
        abort();

    /* Any run; canonical form is promised for checked RDATA only. */
    struct reader one;
    rrset.rdata = (struct rdata_run){octets, (uint32_t)length, octets[length - 1]};
    for (struct reader run = rdata_run_reader(&rrset.rdata); rdata_next(&run, &one);)
        if (rdata_check(rrset.type, one.at, reader_left(&one)))
            return;
    if (verify_rrset(key, &request) == VERDICT_VALID)
        abort();
}

/* Two pieces, a key and a signature; the first octet is the length of the first. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dnskey key;

    if (size < 2)
        return 0;
    size_t first = data[0] < size - 1 ? data[0] : size - 1;
    try_dnskey(data + 1, first, &key);
    try_shown(data + 1, first);
    try_ds(data + 1, first);
    try_zonemd(data + 1, first);
    try_bitmap(data + 1, first);
    try_nsec3(data + 1, first);
    try_verify(&key, data + 1 + first, size - 1 - first);
    return 0;
}
