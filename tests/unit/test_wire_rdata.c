/* test_wire_rdata.c - which octets are RDATA of a type; compression, canonical form, targets. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "avow/wire/codec.h"
#include "avow/wire/rdata.h"

static size_t from_hex(const char *hex, uint8_t *octets, size_t limit)
{
    struct writer writer = writer_over(octets, limit);
    ck_assert_msg(base16_read(hex, strlen(hex), &writer) == RESULT_OK, "%s", hex);
    return writer.length;
}

static enum result check(uint16_t type, const uint8_t *octets, size_t length)
{
    uint8_t *copy = exact_copy(octets, length);
    enum result result = rdata_check(type, copy, length);
    free(copy);
    return result;
}

/* How RDATA may go on behind the shortest that is well-formed. */
enum growth {
    FIXED,  /* not at all */
    ZEROS,  /* zero octets up to 65535 */
    OTHERS, /* in steps: rows of their own below */
};

static const struct {
    uint16_t type;
    const char *shortest;
    enum growth growth;
} bounds[] = {
    {TYPE_A, "c0000201", FIXED},
    {TYPE_NS, "00", FIXED},
    {TYPE_MD, "00", FIXED},
    {TYPE_MF, "00", FIXED},
    {TYPE_CNAME, "00", FIXED},
    {TYPE_SOA,
     "0000"
     "0000000100000002000000030000000400000005",
     FIXED},
    {TYPE_MB, "00", FIXED},
    {TYPE_MG, "00", FIXED},
    {TYPE_MR, "00", FIXED},
    {TYPE_NULL, "", ZEROS},
    {TYPE_WKS, "c000020106", ZEROS},
    {TYPE_PTR, "00", FIXED},
    {TYPE_HINFO, "0000", FIXED},
    {TYPE_MINFO, "0000", FIXED},
    {TYPE_MX, "000100", FIXED},
    {TYPE_TXT, "00", ZEROS},
    {TYPE_RP, "0000", FIXED},
    {TYPE_AFSDB, "000100", FIXED},
    {TYPE_X25, "0431313131", FIXED},
    {TYPE_ISDN, "00", OTHERS},
    {TYPE_RT, "000100", FIXED},
    {TYPE_NSAP, "47", ZEROS},
    {TYPE_NSAP_PTR, "00", FIXED},
    {TYPE_SIG,
     "0001080200000e100000000000000000303900"
     "01",
     ZEROS},
    {TYPE_KEY, "0100030801", ZEROS},
    {TYPE_PX, "00010000", FIXED},
    {TYPE_GPOS, "013101320133", FIXED},
    {TYPE_AAAA, "20010db8000000000000000000000001", FIXED},
    {TYPE_LOC, "00121613800000008000000000989680", FIXED},
    {TYPE_NXT, "00", ZEROS},
    {TYPE_EID, "01", ZEROS},
    {TYPE_NIMLOC, "01", ZEROS},
    {TYPE_SRV, "00010002000300", FIXED},
    {TYPE_ATMA, "00", ZEROS},
    {TYPE_NAPTR,
     "00010002"
     "000000"
     "00",
     FIXED},
    {TYPE_KX, "000100", FIXED},
    {TYPE_CERT,
     "0001000208"
     "01",
     ZEROS},
    {TYPE_A6, "", ZEROS},
    {TYPE_DNAME, "00", FIXED},
    {TYPE_SINK, "", ZEROS},
    {TYPE_OPT, "", OTHERS},
    {TYPE_APL, "", OTHERS},
    {TYPE_DS, "303908ff01", ZEROS},
    {TYPE_SSHFP, "010301", ZEROS},
    {TYPE_IPSECKEY, "0a0002", ZEROS},
    {TYPE_RRSIG,
     "0001080200000e100000000000000000303900"
     "01",
     ZEROS},
    {TYPE_NSEC,
     "00"
     "000101",
     OTHERS},
    {TYPE_DNSKEY, "0100030801", ZEROS},
    {TYPE_DHCID, "000101", ZEROS},
    {TYPE_NSEC3,
     "01000000"
     "00"
     "0101",
     OTHERS},
    {TYPE_NSEC3PARAM, "0100000000", FIXED},
    {TYPE_TLSA, "03010101", ZEROS},
    {TYPE_SMIMEA, "03010101", ZEROS},
    {TYPE_HIP, "010200010101", ZEROS},
    {TYPE_NINFO, "00", ZEROS},
    {TYPE_RKEY, "0000030801", ZEROS},
    {TYPE_TALINK, "0000", FIXED},
    {TYPE_CDS, "0000000000", ZEROS},
    {TYPE_CDNSKEY, "0000030000", ZEROS},
    {TYPE_OPENPGPKEY, "01", ZEROS},
    {TYPE_CSYNC, "000000420003", OTHERS},
    {TYPE_ZONEMD,
     "0000000101f0"
     "000102030405060708090a0b",
     ZEROS},
    {TYPE_SVCB, "000100", OTHERS},
    {TYPE_HTTPS, "000100", OTHERS},
    {TYPE_DSYNC, "003b0114ef00", FIXED},
    {TYPE_SPF, "00", ZEROS},
    {TYPE_NID, "000a00144fffff20ee64", FIXED},
    {TYPE_L32, "000a0a010200", FIXED},
    {TYPE_L64, "000a20010db811401000", FIXED},
    {TYPE_LP, "000a00", FIXED},
    {TYPE_EUI48, "00005e00532a", FIXED},
    {TYPE_EUI64, "00005eef1000002a", FIXED},
    {TYPE_URI, "0001000261", ZEROS},
    {TYPE_CAA, "000161", ZEROS},
    {TYPE_AVC, "00", ZEROS},
    {TYPE_DOA, "00000001000000020300", ZEROS},
    {TYPE_AMTRELAY, "0a00", FIXED},
    {TYPE_RESINFO, "00", ZEROS},
    {TYPE_WALLET, "00", ZEROS},
    {TYPE_TA, "303908ff01", ZEROS},
    {TYPE_DLV, "303908ff01", ZEROS},
    {62347, "", ZEROS}, /* nobody's type */
};

/* Every length: below the shortest never; longer only where the row says so; never above 65535. */
START_TEST(keeps_to_its_lengths)
{
    uint16_t type = bounds[_i].type;
    uint8_t *octets = calloc(1, RDATA_MAX_OCTETS + 1);
    ck_assert_ptr_nonnull(octets);
    size_t shortest = from_hex(bounds[_i].shortest, octets, RDATA_MAX_OCTETS);

    ck_assert_msg(check(type, octets, shortest) == RESULT_OK, "%u: shortest", type);
    for (size_t length = 0; length < shortest; length++)
        ck_assert_msg(check(type, octets, length) == RESULT_FORMAT, "%u: %zu", type, length);
    enum result longer = bounds[_i].growth == ZEROS ? RESULT_OK : RESULT_FORMAT;
    if (bounds[_i].growth != OTHERS) {
        ck_assert_msg(check(type, octets, shortest + 1) == longer, "%u: one more", type);
        ck_assert_msg(check(type, octets, RDATA_MAX_OCTETS) == longer, "%u: 65535", type);
    }
    ck_assert_msg(check(type, octets, RDATA_MAX_OCTETS + 1) == RESULT_FORMAT, "%u: 65536", type);
    free(octets);
}
END_TEST

static const struct {
    const char *what;
    uint16_t type;
    const char *hex;
    enum result result;
} rows[] = {
    {"a name of 64 octets in a label", TYPE_NS, "4061", RESULT_FORMAT},
    {"a name that does not end", TYPE_NS, "0161", RESULT_FORMAT},
    {"a pointer in stored octets", TYPE_NS, "c000", RESULT_FORMAT},
    {"strings that end too late", TYPE_TXT, "0361", RESULT_FORMAT},
    {"a second string", TYPE_ISDN, "01310132", RESULT_OK},
    {"a third string", TYPE_ISDN, "013101320133", RESULT_FORMAT},
    {"three digits", TYPE_X25, "03313131", RESULT_FORMAT},
    {"a letter among digits", TYPE_X25, "0431313161", RESULT_FORMAT},
    {"no number", TYPE_GPOS, "012d01320133", RESULT_FORMAT},
    {"two points", TYPE_GPOS, "05312e312e3101320133", RESULT_FORMAT},
    {"a key that is said to be missing", TYPE_KEY, "c0000308", RESULT_OK},
    {"a missing key", TYPE_KEY, "80000308", RESULT_FORMAT},
    {"a latitude beyond the pole", TYPE_LOC, "00121613934fd9018000000000989680", RESULT_FORMAT},
    {"the pole", TYPE_LOC, "00121613934fd9008000000000989680", RESULT_OK},
    {"the other pole", TYPE_LOC, "001216136cb027008000000000989680", RESULT_OK},
    {"a longitude beyond 180 degrees", TYPE_LOC, "0012161380000000a69fb20100989680", RESULT_FORMAT},
    {"180 degrees", TYPE_LOC, "0012161380000000a69fb20000989680", RESULT_OK},
    {"a mantissa of ten", TYPE_LOC, "00a21613800000008000000000989680", RESULT_FORMAT},
    {"an exponent of ten", TYPE_LOC, "001a1613800000008000000000989680", RESULT_FORMAT},
    {"another version", TYPE_LOC, "01ff", RESULT_OK},
    {"an option", TYPE_OPT, "000a0002abcd", RESULT_OK},
    {"an option cut short", TYPE_OPT, "000a0002ab", RESULT_FORMAT},
    {"a prefix", TYPE_APL, "00011803c00002", RESULT_OK},
    {"a prefix longer than addresses", TYPE_APL, "00012103c00002", RESULT_FORMAT},
    {"a zero octet at the end", TYPE_APL, "00011803c00000", RESULT_FORMAT},
    {"five octets of IPv4", TYPE_APL, "00012005c000020101", RESULT_FORMAT},
    {"another family", TYPE_APL, "0003ff0401020304", RESULT_OK},
    {"SHA-1 of 19 octets", TYPE_DS, "303908010102030405060708090a0b0c0d0e0f10111213",
     RESULT_FORMAT},
    {"SHA-1 of 20 octets", TYPE_DS, "303908010102030405060708090a0b0c0d0e0f1011121314", RESULT_OK},
    {"an empty window", TYPE_NSEC, "000000", RESULT_FORMAT},
    {"a window of 33 octets", TYPE_NSEC,
     "000021010101010101010101010101010101010101010101010101010101010101010101", RESULT_FORMAT},
    {"a window of 32 octets", TYPE_NSEC,
     "0000200101010101010101010101010101010101010101010101010101010101010101", RESULT_OK},
    {"a zero octet at the end of a window", TYPE_NSEC, "0000024000", RESULT_FORMAT},
    {"windows upwards", TYPE_NSEC, "00000101010101", RESULT_OK},
    {"windows downwards", TYPE_NSEC, "00010101000101", RESULT_FORMAT},
    {"a window twice", TYPE_NSEC, "00000101000101", RESULT_FORMAT},
    {"NSEC3 without types", TYPE_NSEC3, "010000000001ff", RESULT_OK},
    {"NSEC3 with types", TYPE_NSEC3, "010000000001ff000140", RESULT_OK},
    {"NSEC3 without a hash", TYPE_NSEC3, "010000000000", RESULT_FORMAT},
    {"a salt cut short", TYPE_NSEC3PARAM, "0100000002ab", RESULT_FORMAT},
    {"CSYNC with types", TYPE_CSYNC, "000000420003000140", RESULT_OK},
    {"a gateway of IPv4", TYPE_IPSECKEY, "0a0102c0000201", RESULT_OK},
    {"half a gateway", TYPE_IPSECKEY, "0a0102c000", RESULT_FORMAT},
    {"a gateway of an unknown type", TYPE_IPSECKEY, "0a0402c0000201", RESULT_FORMAT},
    {"a relay of an unknown type", TYPE_AMTRELAY, "0a04c0000201", RESULT_OK},
    {"a relay by name", TYPE_AMTRELAY, "0a83016100", RESULT_OK},
    {"something behind a relay", TYPE_AMTRELAY, "0a8301610000", RESULT_FORMAT},
    {"a servers' name cut short", TYPE_HIP, "0102000101010161", RESULT_FORMAT},
    {"no host identity tag", TYPE_HIP, "0002000101", RESULT_FORMAT},
    {"no public key", TYPE_HIP, "0102000001", RESULT_FORMAT},
    {"a hyphen in a tag", TYPE_CAA, "00012d61", RESULT_FORMAT},
    {"port", TYPE_SVCB,
     "000100"
     "000300020035",
     RESULT_OK},
    {"keys downwards", TYPE_SVCB,
     "000100"
     "000300020035"
     "0001000302"
     "6832",
     RESULT_FORMAT},
    {"a key twice", TYPE_SVCB,
     "000100"
     "000300020035"
     "000300020036",
     RESULT_FORMAT},
    {"a parameter cut short", TYPE_SVCB,
     "000100"
     "0003000200",
     RESULT_FORMAT},
    {"half a key", TYPE_SVCB,
     "000100"
     "00",
     RESULT_FORMAT},
    {"a port of one octet", TYPE_SVCB,
     "000100"
     "0003000135",
     RESULT_FORMAT},
    {"the key that is none", TYPE_SVCB,
     "000100"
     "ffff0000",
     RESULT_FORMAT},
    {"no-default-alpn alone", TYPE_SVCB,
     "000100"
     "00020000",
     RESULT_FORMAT},
    {"no-default-alpn with alpn", TYPE_SVCB,
     "000100"
     "00010003026832"
     "00020000",
     RESULT_OK},
    {"an empty protocol", TYPE_SVCB,
     "000100"
     "0001000100",
     RESULT_FORMAT},
    {"a protocol cut short", TYPE_SVCB,
     "000100"
     "000100020268",
     RESULT_FORMAT},
    {"mandatory and there", TYPE_SVCB,
     "000100"
     "000000020003"
     "000300020035",
     RESULT_OK},
    {"mandatory and not there", TYPE_SVCB,
     "000100"
     "000000020003",
     RESULT_FORMAT},
    {"mandatory and passed over", TYPE_SVCB,
     "000100"
     "000000020003"
     "00040004c0000201",
     RESULT_FORMAT},
    {"one of two that are mandatory", TYPE_SVCB,
     "000100"
     "0000000400030004"
     "000300020035",
     RESULT_FORMAT},
    {"mandatory itself", TYPE_SVCB,
     "000100"
     "000000020000",
     RESULT_FORMAT},
    {"half an address", TYPE_HTTPS,
     "000100"
     "00040002c000",
     RESULT_FORMAT},
    {"no address", TYPE_HTTPS,
     "000100"
     "00060000",
     RESULT_FORMAT},
    {"a wrong UTF-8", TYPE_HTTPS,
     "000100"
     "000700082f7b3f646e737dff",
     RESULT_FORMAT},
    {"a DoH path", TYPE_HTTPS,
     "000100"
     "000700072f7b3f646e737d",
     RESULT_OK},
};

START_TEST(checks)
{
    uint8_t octets[256];
    size_t length = from_hex(rows[_i].hex, octets, sizeof(octets));

    ck_assert_msg(check(rows[_i].type, octets, length) == rows[_i].result, "%s", rows[_i].what);
    /* As from a message, without compression. */
    uint8_t plain[256];
    uint8_t *copy = exact_copy(octets, length);
    struct reader rdata = reader_over(copy, length);
    struct writer writer = writer_over(plain, sizeof(plain));
    ck_assert_msg(rdata_read(rows[_i].type, &rdata, &writer) == rows[_i].result, "%s: read",
                  rows[_i].what);
    ck_assert_uint_eq(writer.length, rows[_i].result == RESULT_OK ? length : 0);
    ck_assert(writer.length == 0 || memcmp(plain, octets, length) == 0);
    free(copy);
}
END_TEST

/* A message whose first octets are the name "a.", then RDATA with pointers to it. */
static const struct {
    uint16_t type;
    const char *rdata;
    const char *plain; /* NULL: compression is not allowed in the type */
} compressed[] = {
    {TYPE_NS, "c000", "016100"},
    {TYPE_NS, "0162c000", "0162016100"},
    {TYPE_CNAME, "c000", "016100"},
    {TYPE_PTR, "c000", "016100"},
    {TYPE_SOA, "c000c0000000000100000002000000030000000400000005",
     "0161000161000000000100000002000000030000000400000005"},
    {TYPE_MX, "000ac000", "000a016100"},
    {TYPE_MINFO, "c000c000", "016100016100"},
    {TYPE_RP, "c000c000", "016100016100"},
    {TYPE_AFSDB, "0001c000", "0001016100"},
    {TYPE_RT, "0001c000", "0001016100"},
    {TYPE_PX, "0001c000c000", "0001016100016100"},
    {TYPE_NXT, "c00040", "01610040"},
    {TYPE_SRV, "000100020003c000", "000100020003016100"},
    {TYPE_NAPTR, "00010002000000c000", "00010002000000016100"},
    {TYPE_SIG, "0001080200000e1000000000000000003039c00001",
     "0001080200000e100000000000000000303901610001"},
    {TYPE_RRSIG, "0001080200000e1000000000000000003039c00001", NULL},
    {TYPE_NSEC, "c000000101", NULL},
    {TYPE_DNAME, "c000", NULL},
    {TYPE_KX, "0001c000", NULL},
    {TYPE_NSAP_PTR, "c000", NULL},
    {TYPE_SVCB, "0001c000", NULL},
    {TYPE_LP, "0001c000", NULL},
    {TYPE_TALINK, "c000c000", NULL},
    {TYPE_HIP, "010200010101c000", NULL},
    {TYPE_IPSECKEY, "0a0300c000", NULL},
    {TYPE_AMTRELAY, "0a03c000", NULL},
    {TYPE_DSYNC, "003b010035c000", NULL},
};

START_TEST(decompresses)
{
    uint8_t octets[128] = {1, 'a', 0}, wanted[128], plain[128];
    size_t length = 3 + from_hex(compressed[_i].rdata, octets + 3, sizeof(octets) - 3);
    uint8_t *message = exact_copy(octets, length);
    struct reader reader = reader_over(message, length);
    struct writer writer = writer_over(plain, sizeof(plain));

    (void)reader_take(&reader, 3);
    struct reader rdata = reader_part(&reader, length - 3);
    enum result result = rdata_read(compressed[_i].type, &rdata, &writer);
    if (compressed[_i].plain) {
        ck_assert_int_eq(result, RESULT_OK);
        ck_assert_uint_eq(writer.length, from_hex(compressed[_i].plain, wanted, sizeof(wanted)));
        ck_assert_mem_eq(plain, wanted, writer.length);
    } else {
        ck_assert_int_eq(result, RESULT_FORMAT);
    }
    free(message);
}
END_TEST

START_TEST(stops_at_the_limit)
{
    static const uint8_t mx[] = {0, 10, 1, 'a', 0};

    for (size_t limit = 0; limit <= sizeof(mx); limit++) {
        uint8_t plain[sizeof(mx)];
        struct writer writer = writer_over(plain, limit);
        struct reader rdata = reader_over(mx, sizeof(mx));
        ck_assert_int_eq(rdata_read(TYPE_MX, &rdata, &writer),
                         limit < sizeof(mx) ? RESULT_FULL : RESULT_OK);
    }
}
END_TEST

/* RFC 4034 section 6.2 as corrected by RFC 6840 section 5.1; NULL: as it is. */
static const struct {
    uint16_t type;
    const char *hex;
    const char *canonical;
} canonical[] = {
    {TYPE_NS, "014100", "016100"},
    {TYPE_CNAME, "014100", "016100"},
    {TYPE_DNAME, "014100", "016100"},
    {TYPE_KX, "4142014100", "4142016100"},
    {TYPE_MX, "4142014100", "4142016100"},
    {TYPE_SOA, "0141000142004142434445464748494a4b4c4d4e4f5051525354",
     "0161000162004142434445464748494a4b4c4d4e4f5051525354"},
    {TYPE_SRV, "414243444546014100", "414243444546016100"},
    {TYPE_NAPTR, "41424344014101420143014400", "41424344014101420143016400"},
    {TYPE_RRSIG, "4142430241424344454647484142434450510141004142",
     "4142430241424344454647484142434450510161004142"},
    {TYPE_NSEC, "014100000101", NULL},
    {TYPE_HINFO, "01410142", NULL},
    {TYPE_TXT, "0141", NULL},
    {TYPE_NSAP_PTR, "014100", NULL},
    {TYPE_SVCB, "0001014100", NULL},
    {TYPE_LP, "0001014100", NULL},
    {TYPE_TALINK, "014100014200", NULL},
    {62347, "014100", NULL},
};

START_TEST(makes_canonical)
{
    uint8_t octets[64], wanted[64], made[64];
    size_t length = from_hex(canonical[_i].hex, octets, sizeof(octets));

    ck_assert_int_eq(rdata_check(canonical[_i].type, octets, length), RESULT_OK);
    (void)from_hex(canonical[_i].canonical ? canonical[_i].canonical : canonical[_i].hex, wanted,
                   sizeof(wanted));
    struct writer writer = writer_over(made, sizeof(made));
    rdata_write_canonical(&writer, canonical[_i].type, octets, length);
    ck_assert_uint_eq(writer.length, length);
    ck_assert_mem_eq(made, wanted, length);
    ck_assert_int_eq(rdata_compare(canonical[_i].type, octets, length, wanted, length), 0);
    if (canonical[_i].canonical)
        ck_assert(rdata_has_canonical_names(canonical[_i].type));
}
END_TEST

/* Each before the next: octets of canonical form, the shorter first (RFC 4034 section 6.3). */
static const struct {
    uint16_t type;
    const char *before;
    const char *after;
} orders[] = {
    {TYPE_A, "c0000201", "c0000202"},
    {TYPE_A, "7f000001", "80000001"},
    {TYPE_TXT, "0161", "01610162"},
    {TYPE_TXT, "0141", "0161"},
    {TYPE_NS, "014100", "016200"},
    {TYPE_NS, "016100", "014200"},
    {TYPE_NS, "00", "014100"},
    {TYPE_NS, "016200", "02414100"},
    {TYPE_MX, "000a015a00", "000b016100"},
    {TYPE_MX, "000a016100", "000a015a00"},
    {TYPE_NSEC, "015a00000101", "016100000101"},
    {TYPE_SOA, "0141000142000000000100000002000000030000000400000005",
     "0161000162000000000200000002000000030000000400000005"},
};

START_TEST(orders_records)
{
    uint8_t before[64], after[64];
    size_t short_ = from_hex(orders[_i].before, before, sizeof(before));
    size_t long_ = from_hex(orders[_i].after, after, sizeof(after));
    uint16_t type = orders[_i].type;

    ck_assert_int_lt(rdata_compare(type, before, short_, after, long_), 0);
    ck_assert_int_gt(rdata_compare(type, after, long_, before, short_), 0);
    ck_assert_int_eq(rdata_compare(type, after, long_, after, long_), 0);
}
END_TEST

static const struct {
    uint16_t type;
    const char *hex;
    const char *target; /* NULL: none */
} targets[] = {
    {TYPE_NS, "016100", "a."},
    {TYPE_CNAME, "016100", "a."},
    {TYPE_DNAME, "016100", "a."},
    {TYPE_PTR, "016100", "a."},
    {TYPE_MX, "000a016100", "a."},
    {TYPE_SRV, "000100020003016100", "a."},
    {TYPE_NAPTR,
     "0001000201410142014301"
     "6100",
     "a."},
    {TYPE_SVCB, "0001016100", "a."},
    {TYPE_HTTPS, "000100", "."},
    {TYPE_KX, "0001016100", "a."},
    {TYPE_SOA, "0161000162000000000100000002000000030000000400000005", NULL},
    {TYPE_RP, "016100016200", NULL},
    {TYPE_NSEC, "016100000101", NULL},
    {TYPE_A, "c0000201", NULL},
    {62347, "016100", NULL},
    {TYPE_MX, "000a0161", NULL},
};

START_TEST(finds_targets)
{
    uint8_t octets[64];
    size_t length = from_hex(targets[_i].hex, octets, sizeof(octets));
    struct name target;
    char text[NAME_MAX_TEXT];
    bool found = rdata_target(targets[_i].type, octets, length, &target);

    ck_assert_int_eq(found, targets[_i].target != NULL);
    if (found)
        ck_assert_str_eq(name_to_text(&target, text), targets[_i].target);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire/rdata");
    TCase *checking = tcase_create("checking");
    TCase *comparing = tcase_create("comparing");

    tcase_add_loop_test(checking, keeps_to_its_lengths, 0, COUNT(bounds));
    tcase_add_loop_test(checking, checks, 0, COUNT(rows));
    tcase_add_loop_test(checking, decompresses, 0, COUNT(compressed));
    tcase_add_test(checking, stops_at_the_limit);
    tcase_add_loop_test(comparing, makes_canonical, 0, COUNT(canonical));
    tcase_add_loop_test(comparing, orders_records, 0, COUNT(orders));
    tcase_add_loop_test(comparing, finds_targets, 0, COUNT(targets));
    suite_add_tcase(suite, checking);
    suite_add_tcase(suite, comparing);
    return run_suite(suite);
}
