/*
 * settings.h - what of the configuration the workers need, as a value: a worker has a copy of its
 * own, so that a reload never changes anything under its feet.
 */
#ifndef AVOW_SRC_FRONT_SETTINGS_H
#define AVOW_SRC_FRONT_SETTINGS_H

#include <stdint.h>

#include "avow/answer/cookie.h"
#include "avow/config/cookies.h"

struct config_server;
struct limits;

enum { SETTINGS_TEXT_OCTETS = 256 };

struct settings {
    uint16_t udp_payload;
    uint32_t tcp_clients;     /* of this worker */
    uint32_t tcp_per_address; /* of these; 0: a part of them */
    uint32_t tcp_per_network;
    uint32_t tcp_idle_ms;
    uint32_t tcp_pipeline;
    struct limits *limits; /* of answers by UDP; NULL: off. Held by whoever made the settings */
    enum config_cookies_require cookies_require;
    struct cookie_secrets cookies;       /* zeroed: off */
    char identity[SETTINGS_TEXT_OCTETS]; /* "": off */
    char version[SETTINGS_TEXT_OCTETS];  /* "": off */
};

/* The share of one of so many workers, without limits; `clients`: connections of all of them
 * together. `own` is the secret of cookies where none is configured. */
void settings_from(struct settings *settings, const struct config_server *server, uint32_t clients,
                   unsigned workers, const uint8_t own[COOKIE_SECRET_OCTETS]);

#endif
