/*
 * config_support.h - a configuration from a text, and the complaints about it as one text.
 *
 * For the tests of the floor config; each of them is a program of its own, so all is static here.
 */
#ifndef TESTS_UNIT_CONFIG_SUPPORT_H
#define TESTS_UNIT_CONFIG_SUPPORT_H

#include <stdio.h>
#include <string.h>

#include "avow/config/config.h"

enum { HEARD_OCTETS = 32768 };

/* What was complained of: one line each, `LINE:COLUMN: weight: what`, or all with excerpts. */
struct heard {
    bool excerpts;
    size_t length;
    char text[HEARD_OCTETS];
};

static inline void hear(void *context, const struct complaint *complaint)
{
    struct heard *heard = context;
    struct complaint told = *complaint;
    char text[8192];

    if (!heard->excerpts) {
        told.excerpt = NULL;
        told.file = NULL;
    }
    (void)complaint_text(&told, text, sizeof(text));
    int length = snprintf(heard->text + heard->length, HEARD_OCTETS - heard->length, "%s%s",
                          heard->length ? "\n" : "", text);
    if (length > 0 && (size_t)length < HEARD_OCTETS - heard->length)
        heard->length += (size_t)length;
}

static inline enum result parse_text(struct config *config, const char *text, struct heard *heard)
{
    const struct config_source source = {
        .path = "/etc/avow/avow.yaml", .text = text, .length = strlen(text)};
    struct complaints complaints = {.take = hear, .context = heard};

    heard->length = 0;
    heard->text[0] = '\0';
    return config_parse(config, &source, CONFIG_TEXT, &complaints);
}

/* The sample of the interface: every section, every form. */
#define SAMPLE                                                                                     \
    "server:\n"                                                                                    \
    "  listen: [127.0.0.1@5300, \"::1@5300\"]\n"                                                   \
    "  workers: 0\n"                                                                               \
    "  state: ../run/state\n"                                                                      \
    "  control: ../run/avow.sock\n"                                                                \
    "  user: avow\n"                                                                               \
    "  pid-file: ../run/avowd.pid\n"                                                               \
    "  log: {target: stderr, level: info}\n"                                                       \
    "keystores:\n"                                                                                 \
    "  - name: default\n"                                                                          \
    "    module: /usr/lib/softhsm/libsofthsm2.so\n"                                                \
    "    uri: \"pkcs11:token=avow\"\n"                                                             \
    "    pin-file: ../run/pin\n"                                                                   \
    "    environment: {SOFTHSM2_CONF: ../run/softhsm2.conf}\n"                                     \
    "tsig:\n"                                                                                      \
    "  - name: transfer.example.\n"                                                                \
    "    algorithm: hmac-sha256\n"                                                                 \
    "    secret-file: transfer.key\n"                                                              \
    "  - {name: ddns.example, secret-file: ddns.key}\n"                                            \
    "policies:\n"                                                                                  \
    "  - name: default\n"                                                                          \
    "    keystore: default\n"                                                                      \
    "    algorithm: ecdsap256sha256\n"                                                             \
    "    keys: ksk+zsk\n"                                                                          \
    "    zsk-lifetime: 90d\n"                                                                      \
    "    ksk-lifetime: 0\n"                                                                        \
    "    dnskey-ttl: 1h\n"                                                                         \
    "    signature-validity: 14d\n"                                                                \
    "    signature-refresh: 5d\n"                                                                  \
    "    signature-jitter: 12h\n"                                                                  \
    "    denial: nsec3\n"                                                                          \
    "    nsec3: {iterations: 0, salt-length: 0, opt-out: false}\n"                                 \
    "zones:\n"                                                                                     \
    "  - name: example.com.\n"                                                                     \
    "    file: ../zones/example.com.zone\n"                                                        \
    "    policy: default\n"                                                                        \
    "    allow-transfer: [{key: transfer.example.}, {address: 192.0.2.0/24}]\n"                    \
    "    allow-update:\n"                                                                          \
    "      - {key: ddns.example., names: [{subdomain: dyn.example.com.}], types: [A, AAAA, "       \
    "TXT]}\n"                                                                                      \
    "    notify: [{address: 192.0.2.53@53, key: transfer.example.}]\n"                             \
    "rate-limit: {responses-per-second: 200, slip: 2, exempt: [192.0.2.0/24]}\n"

#endif
