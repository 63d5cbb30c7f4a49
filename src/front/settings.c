/* settings.c - the configuration to what one worker needs. */
#include "settings.h"

#include <stdio.h>

#include "avow/config/config.h"

enum { LEAST_PAYLOAD = 512 };

void settings_from(struct settings *settings, const struct config_server *server, unsigned workers)
{
    *settings = (struct settings){
        .udp_payload = server->udp_payload < LEAST_PAYLOAD ? LEAST_PAYLOAD : server->udp_payload,
        .tcp_clients = (server->tcp_clients + workers - 1) / workers,
        .tcp_idle_ms = server->tcp_idle * 1000,
        .tcp_pipeline = server->tcp_pipeline ? server->tcp_pipeline : 1,
    };
    if (settings->tcp_clients == 0)
        settings->tcp_clients = 1;
    if (server->identity)
        (void)snprintf(settings->identity, sizeof settings->identity, "%s", server->identity);
    if (server->version)
        (void)snprintf(settings->version, sizeof settings->version, "%s", server->version);
}
