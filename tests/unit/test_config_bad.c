/* test_config_bad.c - what is refused, where, and in which words. */
#include <stdlib.h>

#include "avow/base/buffer.h"
#include "config_support.h"
#include "support.h"

#define LONG64 "AAAAAAAAAAAAAAAAAAAAAA==" /* 16 octets */
#define HEX32  "0123456789abcdef0123456789abcdef"
#define SERVER "server: {listen: [127.0.0.1@5300]}\n" /* line 1 */
#define TLS    "server: {listen: ['::1'], tls: {listen: ['::1'], certificate-file: c, key-file: k}}\n"
#define PIN44  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define STORE  "keystores: [{name: default, module: /m, uri: 'pkcs11:token=t'}]\n" /* line 2 */
#define SIGNED SERVER STORE "policies: [{name: default}]\n" /* lines 1 to 3 */

/* A zone with one entry of allow-update, in line 5. */
#define KEYED       SIGNED "tsig: [{name: h.a, secret-file: k}, {name: h.b, secret-file: k}]\n"
#define UPDATE(say) KEYED "zones: [{name: a, file: f, policy: none, allow-update: [{" say "}]}]\n"

#define EVERYBODY                                                                                  \
    "this entry is for everybody; it needs a key or a key and an address, or insecure: true to "   \
    "say that it is meant so"
#define EVERY_ADDRESS                                                                              \
    "a prefix of length 0 is everybody; name a key or a longer prefix, or say insecure: true to "  \
    "show that it is meant so"

static const struct {
    const char *what;
    const char *text;
    const char *heard;
} rows[] = {
    /* The form of the file. */
    {"nothing", "", "error: 'server' is missing\nerror: 'listen' is missing"},
    {"a list", "- a\n", "1:1: error: the file must be a mapping: server:, zones: and so on"},
    {"a tab", "server:\n  log:\n\tlevel: info\n",
     "3:1: error: a tab is used for indentation; use spaces"},
    {"a tab behind spaces", "server:\n  \tworkers: 2\n",
     "2:3: error: a tab is used for indentation; use spaces"},
    {"an open list", SERVER "zones: [a, b\n",
     "2:8: error: did not find expected ',' or ']', while parsing a flow sequence here"},
    {"a value in a value", "server: a: b\n",
     "1:10: error: mapping values are not allowed in this context"},
    {"an anchor", SERVER "zones: &all []\n",
     "2:8: error: anchors (&) are not allowed; write the value where it is used"},
    {"an alias", SERVER "zones: *all\n",
     "2:8: error: aliases (*) are not allowed; write the value again, or put a text that "
     "begins with * in quotes"},
    {"a naked wildcard", SERVER "zones: [*.a]\n",
     "2:9: error: a text that begins with *, as a wildcard does, must be quoted"},
    {"a tag", SERVER "zones: !!seq []\n",
     "2:8: error: tags (!) are not allowed; write the value as it is"},
    {"a merge key", "server: {listen: ['::1'], <<: {}}\n",
     "1:27: error: merge keys (<<) are not allowed; write the keys out"},
    {"two documents", SERVER "---\nzones: []\n",
     "2:1: error: a second document (---) is not allowed"},
    {"a list as key", SERVER "[a]: b\n",
     "2:1: error: a key must be a word, not a list or a mapping"},
    {"a zero in a value", "server: {listen: ['::1'], identity: \"a\\0b\"}\n",
     "1:37: error: a zero character is not allowed in a value"},
    {"a control character", SERVER "zones: \x01\n",
     "2:8: error: the file must be UTF-8 text: control characters are not allowed"},
    {"no UTF-8", SERVER "zones: \xff\n",
     "2:8: error: the file must be UTF-8 text: invalid leading UTF-8 octet"},
    {"too deep", SERVER "zones: [[[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]]\n",
     "2:24: error: lists and mappings are nested too deeply"},
    {"a naked IPv6 address", "server: {listen: [::1]}\n",
     "1:19: error: did not find expected node content; a text with such colons, as an IPv6 address "
     "has, must be quoted"},
    /* Keys. */
    {"a slip of the pen", "server: {lisen: ['::1']}\n",
     "1:10: error: unknown key 'lisen'; did you mean 'listen'?\n"
     "1:9: error: 'listen' is missing"},
    {"an unknown key", SERVER "rate-limit: {colour: blue}\n",
     "2:14: error: unknown key 'colour' in rate-limit; allowed: responses-per-second, classes, "
     "window, slip, leak, exempt, dry-run"},
    {"a duplicate key", "server:\n  listen: ['::1']\n  workers: 1\n  listen: ['::2']\n",
     "4:3: error: duplicate key 'listen' (first in line 2)"},
    {"an escape in a key", SERVER "\"\\e[31m\": 1\n",
     "2:1: error: unknown key '?[31m' in the configuration; allowed: server, keystores, tsig, "
     "policies, zone-defaults, zones, transfers, updates, rate-limit"},
    {"no value", "server: {listen: ['::1'], workers: }\n", "1:27: error: 'workers' needs a value"},
    {"a list for a value", "server: {listen: ['::1'], workers: [1]}\n",
     "1:36: error: 'workers' must be a single value, not a list"},
    {"a mapping for a value", "server: {listen: ['::1'], state: {a: b}}\n",
     "1:34: error: 'state' must be a single value, not a mapping"},
    {"a value for a list", "server: {listen: '::1'}\n",
     "1:18: error: 'listen' must be a list: [..., ...], or lines with dashes"},
    {"a value for a mapping", "server: {listen: ['::1'], log: debug}\n",
     "1:32: error: 'log' must be a mapping: {KEY: VALUE, ...}; allowed keys: target, level"},
    {"an entry that is no mapping", SERVER "zones: [example.com]\n",
     "2:9: error: a zone must be a mapping: {KEY: VALUE, ...}; allowed keys: name, file, policy, "
     "serial, zone-file, reload, reload-check, zonemd, publish-zonemd, hook, journal, rate-limit, "
     "transfer-tls-only, allow-transfer, allow-update, notify"},
    {"an empty required list", "server: {listen: []}\n",
     "1:10: error: 'listen' needs at least one entry"},
    /* Values. */
    {"no number", "server: {listen: ['::1'], workers: many}\n",
     "1:36: error: 'workers' must be a number from 0 to 256, not 'many'"},
    {"too large a number", "server: {listen: ['::1'], workers: 257}\n",
     "1:36: error: 'workers' must be a number from 0 to 256, not '257'"},
    {"a huge number", "server: {listen: ['::1'], workers: 18446744073709551616}\n",
     "1:36: error: 'workers' must be a number from 0 to 256, not '18446744073709551616'"},
    {"a negative number", "server: {listen: ['::1'], udp-payload: -1}\n",
     "1:40: error: 'udp-payload' must be a number from 512 to 4096, not '-1'"},
    {"too small a size", "server: {listen: ['::1'], store-size: 1K}\n",
     "1:39: error: 'store-size' must be a size such as 512M or 64G, from 1M to 64T, not '1K'"},
    {"a scrub less often than once in 400 days", "server: {listen: ['::1'], scrub: 401d}\n",
     "1:34: error: 'scrub' must be a duration from 0 to 400d, not '401d'"},
    {"a size that overflows", "server: {listen: ['::1'], store-size: 99999999T}\n",
     "1:39: error: 'store-size' must be a size such as 512M or 64G, from 1M to 64T, not "
     "'99999999T'"},
    {"a wrong word", "server: {listen: ['::1'], log: {level: warn}}\n",
     "1:40: error: 'level' must be error, warning, info or debug, not 'warn'"},
    {"a misspelt word", "server: {listen: ['::1'], log: {level: eror}}\n",
     "1:40: error: 'level' must be error, warning, info or debug, not 'eror'; did you mean "
     "'error'?"},
    {"no switch", SERVER STORE "policies: [{name: p, nsec3: {opt-out: maybe}}]\n",
     "3:39: error: 'opt-out' must be on or off, not 'maybe'"},
    {"no address", "server: {listen: [localhost]}\n",
     "1:19: error: 'listen' must be an address such as 192.0.2.1, 192.0.2.1@5300 or "
     "\"2001:db8::1@53\", not 'localhost'"},
    {"a port behind a colon", "server: {listen: ['192.0.2.1:53']}\n",
     "1:19: error: 'listen' must be an address such as 192.0.2.1, 192.0.2.1@5300 or "
     "\"2001:db8::1@53\", not '192.0.2.1:53'"},
    {"port 0", "server: {listen: [192.0.2.1@0]}\n",
     "1:19: error: 'listen' must be an address such as 192.0.2.1, 192.0.2.1@5300 or "
     "\"2001:db8::1@53\", not '192.0.2.1@0'"},
    {"an address twice", "server:\n  listen:\n    - 192.0.2.1\n    - '::1'\n    - 192.0.2.1@53\n",
     "5:7: error: 192.0.2.1@53 is listed twice (first in line 3)"},
    {"bits behind a prefix", SERVER "rate-limit: {exempt: [192.0.2.1/24]}\n",
     "2:23: error: 'exempt' must be a prefix without further bits, as 192.0.2.0/24 is, not "
     "'192.0.2.1/24'"},
    {"a rate limit",
     SERVER "rate-limit: {responses-per-second: 1000001, window: 0, slip: 1001, leak: no,\n"
            "  classes: {positive: few, any: 1}, dry-run: 7}\n"
            "zone-defaults: {rate-limit: 5}\n",
     "4:29: error: 'rate-limit' must be on or off, not '5'\n"
     "2:36: error: 'responses-per-second' must be a number from 0 to 1000000, not '1000001'\n"
     "3:28: error: unknown key 'any' in classes; allowed: positive, nodata, nxdomain, referral, "
     "error\n"
     "3:23: error: 'positive' must be a number from 0 to 1000000, not 'few'\n"
     "2:53: error: 'window' must be a duration from 1s to 5m, not '0'\n"
     "2:62: error: 'slip' must be a number from 0 to 1000, not '1001'\n"
     "2:74: error: 'leak' must be a number from 0 to 1000000, not 'no'\n"
     "3:46: error: 'dry-run' must be on or off, not '7'"},
    {"too long a prefix", SERVER "rate-limit: {exempt: [192.0.2.0/33]}\n",
     "2:23: error: 'exempt' must be an address or a prefix such as 192.0.2.0/24 or "
     "\"2001:db8::/32\", not '192.0.2.0/33'"},
    {"a long path of the socket",
     "server: {listen: ['::1'], control: "
     "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}\n",
     "1:27: error: the path of a socket has at most 107 characters, "
     "'/"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaa' has 108"},
    /* Keystores and TSIG keys. */
    {"a PIN in the URI",
     SERVER "keystores: [{name: a, module: m, uri: 'pkcs11:token=a?pin-value=123"
            "4'}]\n",
     "2:39: error: 'uri' must not hold a PIN; put it into a file, and name that in pin-file"},
    {"an object in the URI", SERVER "keystores: [{name: a, module: m, uri: 'pkcs11:object=k'}]\n",
     "2:39: error: 'uri' must not have 'object'; it selects a token by token, manufacturer, "
     "serial, "
     "model, slot-id, ..., and may have pin-source"},
    {"no URI", SERVER "keystores: [{name: a, module: m, uri: token}]\n",
     "2:39: error: 'uri' must be a PKCS#11 URI such as \"pkcs11:token=avow\", not 'token'"},
    {"two PINs",
     SERVER "keystores: [{name: a, module: m, uri: 'pkcs11:token=a?pin-source=file:p', "
            "pin-file: q}]\n",
     "2:75: error: the PIN is named twice: by pin-file and by pin-source in 'uri'"},
    {"a PIN from a program",
     SERVER "keystores: [{name: a, module: m, uri: 'pkcs11:token=a?pin-source=%7cecho'}]\n",
     "2:39: error: pin-source must be file:PATH"},
    {"a variable with a dash",
     SERVER "keystores: [{name: a, module: m, uri: 'pkcs11:token=a', environment: {A-B: c}}]\n",
     "2:71: error: 'A-B' is no name of an environment variable: letters, digits and underscores"},
    {"a name with a blank", SERVER "keystores: [{name: a b, module: m, uri: 'pkcs11:token=a'}]\n",
     "2:20: error: 'name' must be a name of 1 to 63 letters, digits, dots, dashes and underscores, "
     "not 'a b'"},
    /* Cookies. */
    {"cookies at will", "server: {listen: ['::1'], cookies: {require: sometimes}}\n",
     "1:46: error: 'require' must be never, pressure or always, not 'sometimes'"},
    {"cookies as a switch", "server: {listen: ['::1'], cookies: off}\n",
     "1:36: error: 'cookies' must be a mapping: {KEY: VALUE, ...}; allowed keys: enabled, require, "
     "secret-files, secrets"},
    {"a cookie secret of 64 bits",
     "server: {listen: ['::1'], cookies: {secrets: [0123456789abcdef]}}\n",
     "1:47: error: each of 'secrets' must be 32 hexadecimal digits"},
    {"cookie secrets twice",
     "server: {listen: ['::1'], cookies: {secrets: [0123456789abcdef0123456789abcdef],\n"
     "  secret-files: [f]}}\n",
     "1:37: error: secrets and secret-files are both given; one is allowed"},
    {"nine cookie secrets",
     "server: {listen: ['::1'], cookies: {secrets: [" HEX32 "," HEX32 "," HEX32 "," HEX32 "," HEX32
     "," HEX32 "," HEX32 "," HEX32 "," HEX32 "]}}\n",
     "1:37: error: there may be 8 secrets, not 9"},
    /* TLS. */
    {"half of TLS", "server: {listen: ['::1'], tls: {listen: ['::1']}}\n",
     "1:32: error: tls needs 'certificate-file'\n"
     "1:32: error: tls needs 'key-file'"},
    {"TLS nowhere", "server: {listen: ['::1'], tls: {certificate-file: c, key-file: k}}\n",
     "1:32: error: tls needs 'listen'"},
    {"TLS twice",
     "server: {listen: ['::1'], tls: {listen: ['::1', '::1@853'], certificate-file: c, "
     "key-file: k}}\n",
     "1:49: error: ::1@853 is listed twice"},
    {"TLS on a port of plain TCP",
     "server: {listen: ['::1@853'], tls: {listen: ['::1'], certificate-file: c, key-file: k}}\n",
     "1:31: error: ::1@853 is listed for TLS, and in 'listen'"},
    {"demands of TLS without TLS",
     SERVER
     "zones: [{name: a, file: f, policy: none, allow-transfer: [{insecure: on, tls: on}]}]\n",
     "2:59: error: this entry is for clients that come by TLS, which server.tls does not serve"},
    {"a certificate that nobody vouches for",
     TLS "zones: [{name: a, file: f, policy: none, allow-transfer: [{certificate-name: c}]}]\n",
     "2:60: error: names in certificates need an authority: server.tls.client-ca-file"},
    {"a pin that is none",
     TLS "zones: [{name: a, file: f, policy: none, allow-transfer: [{certificate-pin: AAAA}]}]\n",
     "2:77: error: 'certificate-pin' must be a SHA-256 in base64, 44 characters, not 'AAAA'"},
    {"TLS for everybody",
     TLS "zones: [{name: a, file: f, policy: none, allow-transfer: [{tls: on}]}]\n",
     "2:59: error: this entry is for everybody; it needs a key or a key and an address, or "
     "insecure: true to say that it is meant so"},
    {"a certificate that may update",
     TLS "zones: [{name: a, file: f, policy: none, allow-update: [{certificate-pin: " PIN44
         "}]}]\n",
     "2:57: error: a certificate is not enough to change a zone; add a key, or insecure: true to "
     "allow it nevertheless"},
    {"MD5", SERVER "tsig: [{name: k, algorithm: hmac-md5, secret-file: f}]\n",
     "2:29: error: 'algorithm' must be hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384 or "
     "hmac-sha512, not 'hmac-md5'"},
    {"no secret", SERVER "tsig: [{name: k}]\n", "2:8: error: a TSIG key needs secret-file"},
    {"two secrets", SERVER "tsig: [{name: k, secret: " LONG64 ", secret-file: f}]\n",
     "2:18: error: secret and secret-file are both given; one is allowed"},
    {"no base64", SERVER "tsig: [{name: k, secret: AAA}]\n",
     "2:26: error: 'secret' must be base64"},
    {"a short secret", SERVER "tsig: [{name: k, secret: AAAAAAAAAAAAAAAAAAAA}]\n",
     "2:26: error: 'secret' holds a secret of 120 bits, which can be guessed; it needs at least "
     "128"},
    {"SHA-1",
     SERVER "tsig: [{name: k, algorithm: hmac-sha1, secret-file: f}, {name: K, secret-file: "
            "f}]\n",
     "2:18: warning: hmac-sha1 is not recommended (RFC 8945 section 6); use hmac-sha256\n"
     "2:64: error: the TSIG key 'k.' is defined twice (first in line 2)"},
    {"two keystores",
     SERVER "keystores:\n  - {name: a, module: m, uri: 'pkcs11:token=a'}\n"
            "  - {name: a, module: m, uri: 'pkcs11:token=a'}\n",
     "4:12: error: the keystore 'a' is defined twice (first in line 3)"},
    /* Policies. */
    {"refresh too long", SERVER STORE "policies: [{name: p, signature-refresh: 14d}]\n",
     "3:22: error: signature-validity (14d) must be longer than signature-refresh (14d) and "
     "signature-jitter (12h) together"},
    {"jitter too long",
     SERVER STORE "policies:\n  - name: p\n    signature-validity: 1d\n"
                  "    signature-refresh: 12h\n    signature-jitter: PT12H\n",
     "5:5: error: signature-validity (1d) must be longer than signature-refresh (12h) and "
     "signature-jitter (12h) together"},
    {"months", SERVER STORE "policies: [{name: p, dnskey-ttl: P1M}]\n",
     "3:34: error: 'dnskey-ttl' must be a duration such as 90d, 1h30m, P90D, PT1H or seconds, not "
     "'P1M'"},
    {"units in disorder", SERVER STORE "policies: [{name: p, dnskey-ttl: 1m1h}]\n",
     "3:34: error: 'dnskey-ttl' must be a duration such as 90d, 1h30m, P90D, PT1H or seconds, not "
     "'1m1h'"},
    {"half a duration", SERVER STORE "policies: [{name: p, dnskey-ttl: PT}]\n",
     "3:34: error: 'dnskey-ttl' must be a duration such as 90d, 1h30m, P90D, PT1H or seconds, not "
     "'PT'"},
    {"a long duration", SERVER STORE "policies: [{name: p, dnskey-ttl: 8d}]\n",
     "3:34: error: 'dnskey-ttl' must be a duration from 0 to 7d, not '8d'"},
    {"an unknown algorithm", SERVER STORE "policies: [{name: p, algorithm: rsasha1}]\n",
     "3:33: error: 'algorithm' must be rsasha256, rsasha512, ecdsap256sha256, ecdsap384sha384, "
     "ed25519 or ed448, not 'rsasha1'; did you mean 'rsasha512'?"},
    {"too many iterations", SERVER STORE "policies: [{name: p, nsec3: {iterations: 51}}]\n",
     "3:42: error: 'iterations' must be a number from 0 to 50, not '51'"},
    {"no keystore", SERVER "policies: [{name: p}, {name: q, keystore: hsm}]\n",
     "2:12: error: no keystore is named and there is none called 'default'; name one\n"
     "2:43: error: there is no keystore 'hsm'"},
    {"none", SERVER STORE "policies: [{name: none}, {name: none}]\n",
     "3:19: error: 'none' means a zone that is not signed; give the policy another name\n"
     "3:33: error: 'none' means a zone that is not signed; give the policy another name\n"
     "3:33: error: the policy 'none' is defined twice (first in line 3)"},
    /* Zones. */
    {"no policy", SERVER "zones: [{name: a, file: f}]\n",
     "2:9: error: no policy is named and there is none called 'default'; name one, or write "
     "policy: none to serve the zone unsigned"},
    {"an unknown policy", SIGNED "zones: [{name: a, file: f, policy: hard}]\n",
     "4:36: error: there is no policy 'hard'"},
    {"no file", SIGNED "zones: [{name: a}]\n", "4:9: error: 'file' is missing"},
    {"no name", SIGNED "zones: [{file: f}, {name: '', file: f}, {name: a..b, file: f}]\n",
     "4:9: error: 'name' is missing\n"
     "4:27: error: 'name' must be a domain name: labels of 1 to 63 octets, 255 in all, not ''\n"
     "4:48: error: 'name' must be a domain name: labels of 1 to 63 octets, 255 in all, not 'a..b'"},
    {"a zone twice",
     SIGNED "zones:\n- {name: b, file: f}\n- {name: Example.com, file: f}\n- {name: a, file: f}\n"
            "- {name: example.COM., file: f}\n",
     "8:10: error: the zone 'example.com.' is defined twice (first in line 6)"},
    {"an unknown key of a peer",
     SIGNED "zones: [{name: a, file: f, notify: [{address: 9.9.9.9, key: "
            "k}]}]\n",
     "4:61: error: there is no TSIG key 'k'"},
    {"an update by address",
     SIGNED "zones: [{name: a, file: f, allow-update: [{address: 9.9.9.9}]}]\n",
     "4:44: error: an address can be forged and is not enough to change a zone; add a key, or "
     "insecure: true to allow it nevertheless"},
    {"an update by anybody", SIGNED "zones: [{name: a, file: f, allow-update: [{types: [A]}]}]\n",
     "4:43: error: " EVERYBODY},
    {"a transfer to anybody", SIGNED "zones: [{name: a, file: f, allow-transfer: [{}]}]\n",
     "4:45: error: " EVERYBODY},
    {"a transfer to every address",
     SIGNED "zones: [{name: a, file: f, allow-transfer: [{address: '::/0'}]}]\n",
     "4:46: error: " EVERY_ADDRESS},
    {"an update from every address",
     SIGNED "zones: [{name: a, file: f, allow-update: [{address: 0.0.0.0/0}]}]\n",
     "4:44: error: " EVERY_ADDRESS},
    {"types and names of an update",
     SIGNED "zones:\n- name: a\n  file: f\n  allow-update:\n"
            "  - {address: 9.9.9.9, insecure: on, types: [RRSIG, ANY, FOO, A],\n"
            "     names: [{name: x.b}, {subdomain: a}, {}, {name: a, subdomain: a}]}\n",
     "9:43: error: an entry of names must have one of name, subdomain, wildcard and self\n"
     "9:47: error: an entry of names must have one of name, subdomain, wildcard and self\n"
     "8:46: error: 'types' must be types that an update may touch (the server makes RRSIG, NSEC, "
     "NSEC3 and NSEC3PARAM), not 'RRSIG'\n"
     "8:53: error: 'types' must be types that a zone can hold (leave the key out to allow all but "
     "those of DNSSEC), not 'ANY'\n"
     "8:58: error: 'types' must be record types such as A, TXT or TYPE65280, not 'FOO'\n"
     "9:21: error: x.b. is not in the zone a."},
    {"types that are made or meta",
     UPDATE("key: h.a, types: [NSEC, NSEC3, NSEC3PARAM, AXFR, TSIG, OPT, TYPE0]"),
     "5:76: error: 'types' must be types that an update may touch (the server makes RRSIG, NSEC, "
     "NSEC3 and NSEC3PARAM), not 'NSEC'\n"
     "5:82: error: 'types' must be types that an update may touch (the server makes RRSIG, NSEC, "
     "NSEC3 and NSEC3PARAM), not 'NSEC3'\n"
     "5:89: error: 'types' must be types that an update may touch (the server makes RRSIG, NSEC, "
     "NSEC3 and NSEC3PARAM), not 'NSEC3PARAM'\n"
     "5:101: error: 'types' must be types that a zone can hold, not 'AXFR'\n"
     "5:107: error: 'types' must be types that a zone can hold, not 'TSIG'\n"
     "5:113: error: 'types' must be types that a zone can hold, not 'OPT'\n"
     "5:118: error: 'types' must be types that a zone can hold, not 'TYPE0'"},
    {"lists of nothing", UPDATE("key: h.a, names: [], types: "),
     "5:68: error: 'names' needs at least one entry; to allow all, leave the key out\n"
     "5:79: error: 'types' needs at least one entry; to allow all, leave the key out"},
    {"a wildcard without an asterisk", UPDATE("key: h.a, names: [{wildcard: x.a}]"),
     "5:87: error: 'wildcard' must begin with an asterisk: \"*.x.a.\" for all names below x.a."},
    {"a wildcard elsewhere", UPDATE("key: h.a, names: [{wildcard: '*.b'}]"),
     "5:87: error: *.b. is not in the zone a."},
    {"a name that is a list", UPDATE("key: h.a, names: [{name: [x.a]}, {wildcard: {}}]"),
     "5:83: error: 'name' must be a single value, not a list\n"
     "5:102: error: 'wildcard' must be a single value, not a mapping"},
    {"another self", UPDATE("key: h.a, names: [{self: me}]"),
     "5:83: error: 'self' must be name or subdomain, not 'me'"},
    {"the self of a key elsewhere", UPDATE("key: h.b, names: [{self: name}]"),
     "5:83: error: the key's name h.b. is not in the zone a., so that 'self' is nothing"},
    {"the self of nobody",
     UPDATE("address: 9.9.9.9, insecure: on, names: [{self: subdomain}, {name: a, self: name}]"),
     "5:117: error: an entry of names must have one of name, subdomain, wildcard and self\n"
     "5:99: error: 'self' is the name of the key that signed; the entry must have a key\n"
     "5:127: error: 'self' is the name of the key that signed; the entry must have a key"},
    {"records without number", UPDATE("key: h.a, records-per-name: few"),
     "5:86: error: 'records-per-name' must be a number from 0 to 1000000, not 'few'"},
    {"settings of changes",
     SERVER "zones: [{name: a, file: f, policy: none, serial: random, zone-file: rw, reload: no,\n"
            "  journal: {size: 63K, depth: 10000001}}]\n"
            "zone-defaults: {serial: 1, journal: off, file: x}\n",
     "4:42: error: unknown key 'file' in zone-defaults; allowed: serial, zone-file, reload, "
     "reload-check, zonemd, publish-zonemd, hook, journal, rate-limit, transfer-tls-only\n"
     "4:25: error: 'serial' must be increment, unixtime or date, not '1'\n"
     "4:37: error: 'journal' must be a mapping: {KEY: VALUE, ...}; allowed keys: size, depth\n"
     "2:50: error: 'serial' must be increment, unixtime or date, not 'random'\n"
     "2:69: error: 'zone-file' must be read or write, not 'rw'\n"
     "2:81: error: 'reload' must be ask, replace or merge, not 'no'\n"
     "3:19: error: 'size' must be a size such as 512M or 64G, from 64K to 1T, not '63K'\n"
     "3:31: error: 'depth' must be a number from 0 to 10000000, not '10000001'"},
    {"settings of loads",
     SERVER "zones: [{name: a, file: f, policy: none, zonemd: maybe, publish-zonemd: md5,\n"
            "  reload-check: {largest-deletion: 101, free-deletions: -1, apex: maybe, x: 1},\n"
            "  hook: {program: bin/check, arguments: yes, user: 'a b', deadline: 2h, y: 1}}]\n",
     "3:74: error: unknown key 'x' in reload-check; allowed: largest-deletion, free-deletions, "
     "apex\n"
     "3:36: error: 'largest-deletion' must be a number from 0 to 100, not '101'\n"
     "3:57: error: 'free-deletions' must be a number from 0 to 1000000000, not '-1'\n"
     "3:67: error: 'apex' must be on or off, not 'maybe'\n"
     "2:50: error: 'zonemd' must be ignore, verify or require, not 'maybe'\n"
     "2:73: error: 'publish-zonemd' must be off, sha384 or sha512, not 'md5'\n"
     "4:73: error: unknown key 'y' in hook; allowed: program, arguments, user, deadline\n"
     "4:41: error: 'arguments' must be a list: [..., ...], or lines with dashes\n"
     "4:52: error: 'user' must be a name of 1 to 63 letters, digits, dots, dashes and "
     "underscores, not 'a b'\n"
     "4:69: error: 'deadline' must be a duration from 1s to 1h, not '2h'\n"
     "4:19: error: 'program' must be an absolute path, or none for no hook"},
    {"a file that two zones write",
     SERVER "zones:\n- {name: a, file: f, policy: none}\n- {name: b, file: g, policy: none}\n"
            "- {name: c, file: ./f, policy: none, zone-file: write}\n",
     "5:19: error: with zone-file: write a file must be that of one zone alone; /etc/avow/f is "
     "also that of the zone in line 3"},
    {"limits of transfers and updates",
     SERVER "transfers: {total: 0, per-peer: 0, idle: 2h, clients: 0, peers: 1}\n"
            "updates: {queue: 0, queue-size: 1K, deadline: 0}\n",
     "2:58: error: unknown key 'peers' in transfers; allowed: total, per-peer, idle, longest, "
     "clients\n"
     "2:20: error: 'total' must be a number from 1 to 10000, not '0'\n"
     "2:33: error: 'per-peer' must be a number from 1 to 10000, not '0'\n"
     "2:42: error: 'idle' must be a duration from 1s to 1h, not '2h'\n"
     "2:55: error: 'clients' must be a number from 1 to 100000, not '0'\n"
     "3:18: error: 'queue' must be a number from 1 to 1000000, not '0'\n"
     "3:33: error: 'queue-size' must be a size such as 512M or 64G, from 1M to 64G, not '1K'\n"
     "3:47: error: 'deadline' must be a duration from 1s to 1h, not '0'"},
};

START_TEST(refuses)
{
    struct config config;
    struct heard heard = {.excerpts = false};

    ck_assert_msg(parse_text(&config, rows[_i].text, &heard) == RESULT_FORMAT, "%s: refused?",
                  rows[_i].what);
    ck_assert_msg(!strcmp(heard.text, rows[_i].heard), "%s: heard\n%s\nnot\n%s", rows[_i].what,
                  heard.text, rows[_i].heard);
    ck_assert_ptr_null(config.memory);
}
END_TEST

static const struct {
    const char *what, *text, *heard;
} warnings[] = {
    {"iterations and salt",
     SERVER STORE "policies: [{name: p, nsec3: {iterations: 1, salt-length: 8}}]\n",
     "3:30: warning: NSEC3 iterations should be 0 (RFC 9276 section 3.1): resolvers may treat the "
     "zone as unsigned or broken\n"
     "3:45: warning: an NSEC3 salt does not help (RFC 9276 section 3.1); salt-length should be 0"},
    {"NSEC3 beside NSEC",
     SERVER STORE "policies: [{name: p, denial: nsec, nsec3: {opt-out: on}}]\n",
     "3:36: warning: 'nsec3' has no effect with denial: nsec"},
    {"a size of no RSA key", SERVER STORE "policies: [{name: p, rsa-size: 4096}]\n",
     "3:22: warning: 'rsa-size' has no effect: the algorithm is not RSA"},
    {"a ZSK that is none", SERVER STORE "policies: [{name: p, keys: csk, zsk-lifetime: 1d}]\n",
     "3:33: note: 'zsk-lifetime' is checked, but this version does not act on it\n"
     "3:33: warning: 'zsk-lifetime' has no effect with keys: csk; ksk-lifetime is for the one key"},
    {"a transfer by address",
     SIGNED "zones: [{name: a, file: f, allow-transfer: [{address: 9.9.9.9}]}]\n",
     "4:46: warning: an address can be forged; add a key, or insecure: true to say that it is "
     "meant so"},
    {"everybody, meant so",
     SIGNED "zones: [{name: a, file: f, allow-transfer: [{insecure: on}, {address: '::/0', "
            "insecure: on}], allow-update: [{insecure: on}]}]\n",
     ""},
    {"insecure beside a key", UPDATE("key: h.a, insecure: yes"),
     "5:68: warning: 'insecure' has no effect beside a key"},
    {"all below a wildcard", UPDATE("key: h.a, names: [{subdomain: '*.x.a'}]"),
     "5:88: warning: these are the wildcard record and what is below it; all names that it stands "
     "for are wildcard: \"*.x.a.\""},
    {"types that must be named",
     UPDATE("key: h.a, types: [DNSKEY, CDS, CDNSKEY, CSYNC], names: [{self: name}]"), ""},
    {"by TLS alone, where there is none",
     SERVER "zones: [{name: a, file: f, policy: none, transfer-tls-only: on, allow-transfer: "
            "[{insecure: on}]}]\n",
     "2:42: warning: with transfer-tls-only and without server.tls nobody can transfer the zone"},
    {"by TLS alone, as all zones",
     SERVER "zone-defaults: {transfer-tls-only: on}\n"
            "zones: [{name: a, file: f, policy: none, allow-transfer: [{insecure: on}]},\n"
            "  {name: b, file: f, policy: none}]\n",
     "3:42: warning: with transfer-tls-only and without server.tls nobody can transfer the zone"},
    {"a file that two zones read",
     SERVER "zones: [{name: a, file: f, policy: none}, {name: b, file: f, policy: none}]\n", ""},
    {"an insecure update, meant so",
     SIGNED "zones: [{name: a, file: f, allow-update: [{address: 9.9.9.9, insecure: on}]}]\n", ""},
};

START_TEST(warns)
{
    struct config config;
    struct heard heard = {.excerpts = false};

    ck_assert_msg(parse_text(&config, warnings[_i].text, &heard) == RESULT_OK, "%s: accepted?\n%s",
                  warnings[_i].what, heard.text);
    ck_assert_msg(!strcmp(heard.text, warnings[_i].heard), "%s: heard\n%s\nnot\n%s",
                  warnings[_i].what, heard.text, warnings[_i].heard);
    config_free(&config);
}
END_TEST

START_TEST(shows_the_place)
{
    struct config config;
    struct heard heard = {.excerpts = true};

    ck_assert_int_eq(parse_text(&config,
                                "server:\n  lisen: [127.0.0.1@53]\n  listen: ['::1']\n"
                                "  identity: \"\xc3\xa4\xc3\xb6\" # \xe2\x82\xac\n"
                                "  \"w\xc3\xa4\": 1\r\n"
                                "  workers: x\r\n",
                                &heard),
                     RESULT_FORMAT);
    ck_assert_str_eq(
        heard.text,
        "/etc/avow/avow.yaml:2:3: error: unknown key 'lisen'; did you mean 'listen'?\n"
        "    2 |   lisen: [127.0.0.1@53]\n"
        "      |   ^~~~~\n"
        "/etc/avow/avow.yaml:5:3: error: unknown key 'w\xc3\xa4' in server; allowed: "
        "listen, workers, state, control, user, pid-file, log, store-size, "
        "keep-removed, scrub, scrub-first, identity, version, udp-payload, tcp, cookies, tls\n"
        "    5 |   \"w\xc3\xa4\": 1\n"
        "      |   ^~~~\n"
        "/etc/avow/avow.yaml:6:12: error: 'workers' must be a number from 0 to 256, "
        "not 'x'\n"
        "    6 |   workers: x\n"
        "      |            ^");
}
END_TEST

START_TEST(gives_up_in_the_end)
{
    struct config config;
    struct heard heard = {.excerpts = false};
    struct buffer text = {.octets = NULL};

    buffer_text(&text, SERVER "zones:\n");
    for (unsigned i = 0; i < 5000; i++)
        buffer_format(&text, "- {name: z%u, file: f, policy: p}\n", i);
    buffer_u8(&text, 0);
    ck_assert_int_eq(parse_text(&config, (char *)text.octets, &heard), RESULT_FORMAT);
    const char *last = strrchr(heard.text, '\n');
    ck_assert_ptr_nonnull(last);
    ck_assert_str_eq(last, "\nnote: too many errors; there may be more");
    ck_assert_ptr_nonnull(strstr(heard.text, "102:32: error: there is no policy 'p'"));
    ck_assert_ptr_null(strstr(heard.text, "103:32"));
    buffer_free(&text);
}
END_TEST

START_TEST(too_many_keys)
{
    struct config config;
    struct heard heard = {.excerpts = false};
    struct buffer text = {.octets = NULL};

    for (unsigned i = 0; i < 300; i++)
        buffer_format(&text, "k%u: 1\n", i);
    buffer_u8(&text, 0);
    ck_assert_int_eq(parse_text(&config, (char *)text.octets, &heard), RESULT_FORMAT);
    ck_assert_str_eq(heard.text, "257:1: error: a mapping has more than 256 keys");
    buffer_free(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config/bad");
    TCase *refusing = tcase_create("refusing");

    tcase_add_loop_test(refusing, refuses, 0, COUNT(rows));
    tcase_add_loop_test(refusing, warns, 0, COUNT(warnings));
    tcase_add_test(refusing, shows_the_place);
    tcase_add_test(refusing, gives_up_in_the_end);
    tcase_add_test(refusing, too_many_keys);
    suite_add_tcase(suite, refusing);
    return run_suite(suite);
}
