/* main.c - options; and which room this process is, if any. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "avow/base/cores.h"
#include "avow/base/log.h"
#include "avow/base/random.h"
#include "avow/desk/desk.h"
#include "avow/front/front.h"
#include "avow/keeper/keeper.h"
#include "avow/room/room.h"
#include "avow/signer/signer.h"
#include "avow/veil/veil.h"
#include "avowd.h"

enum { EXIT_USAGE = 2 };

static const char default_path[] = "/etc/avow/avow.yaml";
static const char room_flag[] = "--room=";

/* ---- a room --------------------------------------------------------------------------------- */

static int be_room(const char *name)
{
    static int (*const mains[ROOMS])(struct room *) = {[ROOM_SIGNER] = signer_main,
                                                       [ROOM_KEEPER] = keeper_main,
                                                       [ROOM_DESK] = desk_main,
                                                       [ROOM_FRONT] = front_main,
                                                       [ROOM_VEIL] = veil_main};

    for (unsigned kind = 0; kind < ROOMS; kind++) {
        if (strcmp(room_name((enum room_kind)kind), name) != 0)
            continue;
        struct room *room = room_open((enum room_kind)kind);
        if (!room)
            return EXIT_FAILURE;
        int code = mains[kind](room);
        room_close(room);
        return code;
    }
    fprintf(stderr, "avowd: there is no room %s\n", name);
    return EXIT_USAGE;
}

/* ---- the supervisor ------------------------------------------------------------------------- */

static void print_complaint(void *context, const struct complaint *complaint)
{
    char text[2048];
    (void)context;

    (void)complaint_text(complaint, text, sizeof text);
    fprintf(stderr, "%s\n", text);
}

static uint16_t count_workers(const struct config_server *server)
{
    uint32_t workers = server->workers ? server->workers : cores_usable();

    return (uint16_t)(workers > METRICS_STRIPES ? METRICS_STRIPES : workers);
}

/* Two sockets for each worker and address, and channels: more than a shell's limit allows. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE,
                        &limit); /* what is missing is said when a socket is opened */
    }
}

/* Descriptors 0 to 2 must be something, or a socket would become our standard error. */
static int fill_standard_descriptors(void)
{
    int descriptor;

    do
        descriptor = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (descriptor >= 0 && descriptor <= STDERR_FILENO);
    if (descriptor < 0)
        return -1;
    close(descriptor);
    return 0;
}

static int open_and_supervise(struct avowd *avowd)
{
    const struct config_server *server = &avowd->config.server;

    avowd->loop = ev_default_loop(EVFLAG_NOENV | EVBACKEND_EPOLL);
    avowd->workers = count_workers(server);
    if (!avowd->loop || spawn_environments(avowd) || brief_pages_make(avowd)) {
        log_error("not enough memory or descriptors to start");
        return EXIT_FAILURE;
    }
    if (ground_open(&avowd->ground, server))
        return EXIT_FAILURE;
    if (listen_open(&avowd->listening, server, avowd->workers) || logging_open(avowd, server))
        return EXIT_FAILURE;
    log_info("avow %s starts with %s", AVOW_VERSION, avowd->path);
    return supervise(avowd);
}

static void close_all(struct avowd *avowd)
{
    listen_close(&avowd->listening);
    ground_close(&avowd->ground, &avowd->boot.server);
    if (avowd->loop)
        logging_close(avowd);
    brief_pages_close(avowd);
    spawn_free(avowd);
    if (avowd->config.memory != avowd->boot.memory)
        config_free(&avowd->config);
    config_free(&avowd->boot);
    if (avowd->loop)
        ev_loop_destroy(avowd->loop);
}

static int run(const char *path)
{
    struct avowd avowd = {.path = path,
                          .ground = {.lock = -1, .control = -1},
                          .logging = {.descriptor = STDERR_FILENO, .rooms_end = -1, .our_end = -1}};
    struct complaints complaints = {.take = print_complaint};

    log_open("avowd", LOG_LEVEL_INFO, STDERR_FILENO);
    raise_descriptor_limit();
    if (reload_read(&avowd.boot, path, &complaints) ||
        random_fill(avowd.boot.server.tls.seal, sizeof avowd.boot.server.tls.seal))
        return EXIT_FAILURE;
    avowd.taken = clock_wall_seconds();
    avowd.config = avowd.boot; /* the same memory until a reload */
    log_set_level(avowd.config.server.log_level);
    int code = open_and_supervise(&avowd);
    close_all(&avowd);
    return code;
}

static int check(const char *path)
{
    struct config config;
    struct complaints complaints = {.take = print_complaint};

    if (reload_read(&config, path, &complaints))
        return EXIT_FAILURE;
    printf("%s: %zu zones, no errors\n", path, config.zone_count);
    config_free(&config);
    return EXIT_SUCCESS;
}

static void usage(FILE *to)
{
    fprintf(to,
            "usage: avowd [-t] [-c FILE]\n"
            "  -c FILE  the configuration; %s when left out\n"
            "  -t       check it, say what is wrong, exit 0 or 1\n"
            "  -V       print the version\n"
            "  -h       print this\n"
            "SIGTERM stops it, SIGHUP reads configuration and changed zone files again.\n",
            default_path);
}

int main(int count, char *arguments[])
{
    const char *path = default_path;
    bool only_check = false;

    if (fill_standard_descriptors())
        return EXIT_FAILURE;
    if (count == 2 && strncmp(arguments[1], room_flag, strlen(room_flag)) == 0)
        return be_room(arguments[1] + strlen(room_flag));
    for (int option; (option = getopt(count, arguments, "c:tVh")) != -1;) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case 't':
            only_check = true;
            break;
        case 'V':
            printf("avowd %s\n", AVOW_VERSION);
            return EXIT_SUCCESS;
        case 'h':
            usage(stdout);
            return EXIT_SUCCESS;
        default:
            usage(stderr);
            return EXIT_USAGE;
        }
    }
    if (optind != count) {
        usage(stderr);
        return EXIT_USAGE;
    }
    return only_check ? check(path) : run(path);
}
