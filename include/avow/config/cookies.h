/*
 * cookies.h - the section server.cookies as a struct. A part of config.h, which includes it.
 *
 * Floor: config.
 */
#ifndef AVOW_CONFIG_COOKIES_H
#define AVOW_CONFIG_COOKIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONFIG_COOKIE_SECRET_OCTETS = 16, CONFIG_COOKIE_SECRETS = 8 };

/* When a client that knows cookies, and has none of ours, gets BADCOOKIE instead of an answer. */
enum config_cookies_require {
    CONFIG_COOKIES_NEVER,
    CONFIG_COOKIES_PRESSURE, /* while the server has to defend itself */
    CONFIG_COOKIES_ALWAYS
};

struct config_cookie_secret {
    uint8_t octets[CONFIG_COOKIE_SECRET_OCTETS];
};

struct config_cookies {
    bool enabled;
    enum config_cookies_require require;
    char **secret_files; /* none: the secrets stand in the configuration file, or nowhere */
    size_t secret_file_count;
    /* At most CONFIG_COOKIE_SECRETS; the first makes, all are accepted. None when the front is to
     * have one of its own, and unless loaded with CONFIG_SECRETS, or in the front's share. */
    struct config_cookie_secret *secrets;
    size_t secret_count;
};

#endif
