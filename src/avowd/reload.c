/* reload.c - a new configuration, checked as a whole, to those whom it concerns. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "avow/base/clock.h"
#include "avow/base/log.h"
#include "avow/config/diff.h"
#include "avow/ipc/message.h"
#include "avow/tls/credentials.h"
#include "avowd.h"

static void log_complaint(void *context, const struct complaint *complaint)
{
    char place[64] = "";
    (void)context;

    if (complaint->line)
        (void)snprintf(place, sizeof place, ":%u:%u", complaint->line, complaint->column);
    const char *file = complaint->file ? complaint->file : "configuration";
    if (complaint->weight == COMPLAINT_ERROR)
        log_error("%s%s: %s", file, place, complaint->what);
    else if (complaint->weight == COMPLAINT_WARNING)
        log_warning("%s%s: %s", file, place, complaint->what);
}

/* What only a restart changes stays as it was, whatever the file says now: a room that is started
 * again must meet the same store, sockets and user as the others. */
static void keep_boot_settings(struct avowd *avowd, const struct config *old)
{
    const struct config_server *boot = &avowd->boot.server;
    struct config_server *server = &avowd->config.server;

    server->listen = boot->listen;
    server->listen_count = boot->listen_count;
    server->workers = boot->workers;
    server->state = boot->state;
    server->control = boot->control;
    server->user = boot->user;
    server->pid_file = boot->pid_file;
    server->store_size = boot->store_size;
    server->tls.listen = boot->tls.listen;
    server->tls.listen_count = boot->tls.listen_count;
    memcpy(server->tls.seal, old->server.tls.seal, sizeof server->tls.seal);
}

static void say_what_waits(const struct config_diff *diff)
{
    for (size_t i = 0; i < diff->restart_count; i++)
        log_warning("%s has changed: that needs a restart", diff->restart[i]);
}

/* Whether a room has to hear of it. The keeper always: zone files may have changed. */
static bool concerns(enum room_kind kind, const struct config_diff *diff)
{
    switch (kind) {
    case ROOM_KEEPER:
        return true;
    case ROOM_SIGNER:
        return diff->keystores || diff->policy_count || diff->zone_count;
    case ROOM_DESK:
        return diff->server || diff->tsig || diff->transfers || diff->updates || diff->zone_count;
    case ROOM_FRONT:
        return diff->server || diff->rate_limit || diff->policy_count || diff->zone_count;
    case ROOM_VEIL:
        return diff->server || diff->tls;
    case ROOMS:
        break;
    }
    return false;
}

static bool wants_network(const struct config *config)
{
    bool wants = false;

    for (size_t i = 0; i < config->keystore_count; i++)
        wants |= config->keystores[i].network;
    return wants;
}

/* What a process has given up it does not get back, and what it has kept it would not give up. It
 * ends by itself when its keystores change; but that is not left to one that may be another's. */
static void refresh_signer(struct avowd *avowd, const struct config *old)
{
    struct supervised *signer = &avowd->rooms[ROOM_SIGNER];

    if (wants_network(old) == wants_network(&avowd->config) || signer->pid == 0)
        return;
    log_info("the signer starts again: a keystore's network setting has changed");
    signer->ended = kill(signer->pid, SIGKILL) == 0;
}

static void tell_rooms(struct avowd *avowd, const struct config_diff *diff)
{
    for (unsigned i = 0; i < ROOMS; i++) {
        struct supervised *room = &avowd->rooms[i];
        if (!room->channel || !concerns(room->kind, diff))
            continue;
        bool told = brief_reload(avowd, room) == RESULT_OK;
        room->awaited += told;
        room->refused = told ? 0 : avowd->taken;
        room->renewed |= told && room->kind == ROOM_SIGNER;
        if (!told)
            log_error("the %s could not be told the new configuration", room_name(room->kind));
    }
}

/* What the file says now is not taken. */
static void refuse(struct avowd *avowd)
{
    avowd->refused = clock_wall_seconds();
    brief_taken(avowd);
}

static void adopt(struct avowd *avowd, struct config *fresh)
{
    struct config_diff diff;
    enum result result = config_diff(&avowd->config, fresh, &diff);

    /* A file that drops TLS means the next restart: until then it goes on. */
    if (!result && fresh->server.tls.listen_count == 0 && config_keep_tls(fresh, &avowd->config)) {
        config_diff_free(&diff);
        result = RESULT_SYSTEM;
    }
    if (result) {
        log_error("out of memory: the configuration stays as it is");
        refuse(avowd);
        config_free(fresh);
        return;
    }
    say_what_waits(&diff);
    struct config old = avowd->config;
    avowd->config = *fresh;
    keep_boot_settings(avowd, &old);
    avowd->taken = clock_wall_seconds();
    avowd->refused = logging_reopen(avowd, &avowd->config.server) ? avowd->taken : 0;
    avowd->reloading = true;
    tell_rooms(avowd, &diff);
    refresh_signer(avowd, &old);
    brief_taken(avowd);
    config_diff_free(&diff);
    if (old.memory != avowd->boot.memory)
        config_free(&old);
    else
        config_wipe_secrets(&avowd->boot); /* the file may say others now */
}

enum result reload_read(struct config *config, const char *path, struct complaints *complaints)
{
    enum result result = config_load(config, path, CONFIG_SECRETS, complaints);

    if (result)
        return result;
    result = tls_credentials_check(&config->server.tls, path, complaints);
    if (result)
        config_free(config);
    return result;
}

uint64_t reload_refused(const struct avowd *avowd)
{
    uint64_t refused = avowd->refused;

    for (unsigned i = 0; i < ROOMS; i++) {
        if (avowd->rooms[i].refused > refused)
            refused = avowd->rooms[i].refused;
    }
    return refused;
}

void reload(struct avowd *avowd)
{
    struct config fresh;
    struct complaints complaints = {.take = log_complaint};

    notify_manager("RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=Reloading",
                   (unsigned long long)(clock_monotonic_ns() / 1000));
    log_info("reloading %s", avowd->path);
    if (reload_read(&fresh, avowd->path, &complaints)) {
        log_error("%s has %u errors: the configuration stays as it is", avowd->path,
                  complaints.errors);
        refuse(avowd);
        notify_manager("READY=1\nSTATUS=Serving; the new configuration has errors");
        return;
    }
    adopt(avowd, &fresh);
    reload_answered(avowd);
}

void reload_answered(struct avowd *avowd)
{
    for (unsigned i = 0; i < ROOMS; i++) {
        if (avowd->rooms[i].awaited)
            return;
    }
    if (avowd->reloading && !reload_refused(avowd))
        log_info("reloaded %s: %zu zones", avowd->path, avowd->config.zone_count);
    avowd->reloading = false;
    if (avowd->ready && !avowd->stopping)
        notify_manager("READY=1\nSTATUS=Serving %zu zones", avowd->config.zone_count);
}
