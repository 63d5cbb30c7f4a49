/*
 * type.h - record types: one row per type drives wire checks, parsing, printing, canonical form.
 *
 * Floor: wire. Pure.
 */
#ifndef AVOW_WIRE_TYPE_H
#define AVOW_WIRE_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/base/result.h"

enum {
    TYPE_NONE = 0,
    TYPE_A = 1,
    TYPE_NS = 2,
    TYPE_MD = 3,
    TYPE_MF = 4,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    TYPE_MB = 7,
    TYPE_MG = 8,
    TYPE_MR = 9,
    TYPE_NULL = 10,
    TYPE_WKS = 11,
    TYPE_PTR = 12,
    TYPE_HINFO = 13,
    TYPE_MINFO = 14,
    TYPE_MX = 15,
    TYPE_TXT = 16,
    TYPE_RP = 17,
    TYPE_AFSDB = 18,
    TYPE_X25 = 19,
    TYPE_ISDN = 20,
    TYPE_RT = 21,
    TYPE_NSAP = 22,
    TYPE_NSAP_PTR = 23,
    TYPE_SIG = 24,
    TYPE_KEY = 25,
    TYPE_PX = 26,
    TYPE_GPOS = 27,
    TYPE_AAAA = 28,
    TYPE_LOC = 29,
    TYPE_NXT = 30,
    TYPE_EID = 31,
    TYPE_NIMLOC = 32,
    TYPE_SRV = 33,
    TYPE_ATMA = 34,
    TYPE_NAPTR = 35,
    TYPE_KX = 36,
    TYPE_CERT = 37,
    TYPE_A6 = 38,
    TYPE_DNAME = 39,
    TYPE_SINK = 40,
    TYPE_OPT = 41,
    TYPE_APL = 42,
    TYPE_DS = 43,
    TYPE_SSHFP = 44,
    TYPE_IPSECKEY = 45,
    TYPE_RRSIG = 46,
    TYPE_NSEC = 47,
    TYPE_DNSKEY = 48,
    TYPE_DHCID = 49,
    TYPE_NSEC3 = 50,
    TYPE_NSEC3PARAM = 51,
    TYPE_TLSA = 52,
    TYPE_SMIMEA = 53,
    TYPE_HIP = 55,
    TYPE_NINFO = 56,
    TYPE_RKEY = 57,
    TYPE_TALINK = 58,
    TYPE_CDS = 59,
    TYPE_CDNSKEY = 60,
    TYPE_OPENPGPKEY = 61,
    TYPE_CSYNC = 62,
    TYPE_ZONEMD = 63,
    TYPE_SVCB = 64,
    TYPE_HTTPS = 65,
    TYPE_DSYNC = 66,
    TYPE_SPF = 99,
    TYPE_NID = 104,
    TYPE_L32 = 105,
    TYPE_L64 = 106,
    TYPE_LP = 107,
    TYPE_EUI48 = 108,
    TYPE_EUI64 = 109,
    TYPE_NXNAME = 128,
    TYPE_TKEY = 249,
    TYPE_TSIG = 250,
    TYPE_IXFR = 251,
    TYPE_AXFR = 252,
    TYPE_MAILB = 253,
    TYPE_MAILA = 254,
    TYPE_ANY = 255,
    TYPE_URI = 256,
    TYPE_CAA = 257,
    TYPE_AVC = 258,
    TYPE_DOA = 259,
    TYPE_AMTRELAY = 260,
    TYPE_RESINFO = 261,
    TYPE_WALLET = 262,
    TYPE_TA = 32768,
    TYPE_DLV = 32769
};

enum { CLASS_IN = 1, CLASS_CH = 3, CLASS_HS = 4, CLASS_NONE = 254, CLASS_ANY = 255 };

enum { TYPE_MAX_TEXT = 16 };

/* Mnemonic, or TYPEnnn (RFC 3597 section 5); `text` is used for the latter only. */
const char *type_to_text(uint16_t type, char text[TYPE_MAX_TEXT]);

/* Either form, any case. RESULT_FORMAT when it is neither. */
MUST_CHECK enum result type_from_text(const char *text, size_t length, uint16_t *type);

/* The same for classes: IN, CH, HS, NONE, ANY, CLASSnnn. */
const char *class_to_text(uint16_t class_, char text[TYPE_MAX_TEXT]);
MUST_CHECK enum result class_from_text(const char *text, size_t length, uint16_t *class_);

/* Query types and meta types, which no zone can hold: OPT, TKEY..ANY, 128-255, 0 and 65535. */
bool type_is_meta(uint16_t type);

/* Types that only a signer makes: RRSIG, NSEC, NSEC3 (and NSEC3PARAM, which the policy decides). */
bool type_is_made_by_signer(uint16_t type);

#endif
