/*
 * address.h - addresses as the configuration has them.
 *
 * Floor: config. Pure.
 */
#ifndef AVOW_CONFIG_ADDRESS_H
#define AVOW_CONFIG_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

enum { CONFIG_ADDRESS_TEXT = 64 };

/* The family of a prefix that holds no address at all. */
enum { CONFIG_FAMILY_NONE = 255 };

/* An address and a port, both in network order as sockaddr has them: octets[0] comes first. */
struct config_address {
    uint8_t family;     /* 4 or 6 */
    uint8_t octets[16]; /* the first 4 for family 4, the rest zero */
    uint16_t port;      /* in host order */
};

/* The addresses that begin with the same bits. The octets' other bits are zero. */
struct config_prefix {
    uint8_t family; /* 4 or 6; 0: no prefix, which holds every address */
    uint8_t length; /* bits: 0 to 32 or 128 */
    uint8_t octets[16];
};

/* `192.0.2.1@53`; returns `text`. */
char *config_address_to_text(const struct config_address *address, char text[CONFIG_ADDRESS_TEXT]);

/* Whether the prefix holds an address (4 or 16 octets, by `family`). An IPv4-mapped IPv6 address
 * (RFC 4291 section 2.5.5.2) is the IPv4 address, on both sides: ::/0 does not hold it. */
bool config_prefix_holds(const struct config_prefix *prefix, uint8_t family, const uint8_t *octets);

#endif
