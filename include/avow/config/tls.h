/*
 * tls.h - the section server.tls as a struct. A part of config.h, which includes it.
 *
 * Floor: config.
 */
#ifndef AVOW_CONFIG_TLS_H
#define AVOW_CONFIG_TLS_H

#include <stddef.h>
#include <stdint.h>

#include "avow/config/address.h"

enum { CONFIG_SEAL_OCTETS = 16, CONFIG_PIN_OCTETS = 32 };

struct config_tls {
    struct config_address *listen; /* none: no TLS */
    size_t listen_count;
    char *certificate_file;
    char *key_file;
    char *client_ca_file; /* may be NULL */
    uint32_t clients;     /* connections open at once */
    /* What the files hold, in PEM; NULL unless loaded with CONFIG_SECRETS, or in the veil's share.
     */
    uint8_t *certificate;
    size_t certificate_length;
    uint8_t *key;
    size_t key_length;
    uint8_t *client_ca;
    size_t client_ca_length;
    /* By which the desk knows what the veil says of a client. Not of the file: the supervisor makes
     * it. In the shares of these two alone. */
    uint8_t seal[CONFIG_SEAL_OCTETS];
};

#endif
