/* settings.c - the configuration to what one worker needs. */
#include "settings.h"

#include <stdio.h>
#include <string.h>

#include "avow/config/config.h"

enum { LEAST_PAYLOAD = 512 };

/* At least one, unless it is left to us. */
static uint32_t share_of(uint32_t all, unsigned workers)
{
    return (all + workers - 1) / workers;
}

_Static_assert((int)COOKIE_SECRET_OCTETS == CONFIG_COOKIE_SECRET_OCTETS &&
                   (int)COOKIE_SECRETS == CONFIG_COOKIE_SECRETS,
               "what can be configured is what can be used");

static void take_cookies(struct cookie_secrets *secrets, const struct config_cookies *cookies,
                         const uint8_t own[COOKIE_SECRET_OCTETS])
{
    *secrets = (struct cookie_secrets){.count = 0};
    if (!cookies->enabled)
        return;
    while (secrets->count < cookies->secret_count && secrets->count < COOKIE_SECRETS) {
        memcpy(secrets->octets[secrets->count], cookies->secrets[secrets->count].octets,
               COOKIE_SECRET_OCTETS);
        secrets->count++;
    }
    if (secrets->count == 0)
        memcpy(secrets->octets[secrets->count++], own, COOKIE_SECRET_OCTETS);
}

void settings_from(struct settings *settings, const struct config_server *server, uint32_t clients,
                   unsigned workers, const uint8_t own[COOKIE_SECRET_OCTETS])
{
    *settings = (struct settings){
        .udp_payload = server->udp_payload < LEAST_PAYLOAD ? LEAST_PAYLOAD : server->udp_payload,
        .tcp_clients = share_of(clients, workers),
        .tcp_per_address = share_of(server->tcp_per_address, workers),
        .tcp_per_network = share_of(server->tcp_per_network, workers),
        .tcp_idle_ms = server->tcp_idle * 1000,
        .tcp_pipeline = server->tcp_pipeline ? server->tcp_pipeline : 1,
        .cookies_require = server->cookies.require,
    };
    take_cookies(&settings->cookies, &server->cookies, own);
    if (settings->tcp_clients == 0)
        settings->tcp_clients = 1;
    if (server->identity)
        (void)snprintf(settings->identity, sizeof settings->identity, "%s", server->identity);
    if (server->version)
        (void)snprintf(settings->version, sizeof settings->version, "%s", server->version);
}
