/* keeper_rig.c - a whole keeper in a test. */
#include "keeper_rig.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../unit/support.h"
#include "avow/base/clock.h"
#include "avow/change/check.h"
#include "avow/dnssec/nsec3.h"
#include "avow/dnssec/rrsig.h"
#include "avow/store/chain.h"
#include "avow/store/lookup.h"
#include "avow/wire/type.h"

enum { PATIENCE_MS = 20000, PACE_MS = 5 };

/* ---- the folder and the configuration ---------------------------------------------------------
 */

static void path_of(const struct rig *rig, const char *file, char path[512])
{
    ck_assert_int_lt(snprintf(path, 512, "%s/%s", rig->folder, file), 512);
}

void rig_write(struct rig *rig, const char *file, const char *text)
{
    char path[512];

    path_of(rig, file, path);
    FILE *out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_int_ge(fputs(text, out), 0);
    ck_assert_int_eq(fclose(out), 0);
}

static void print_complaint(void *context, const struct complaint *complaint)
{
    char text[4096];

    (void)context;
    if (complaint->weight != COMPLAINT_ERROR)
        return;
    (void)complaint_text(complaint, text, sizeof text);
    (void)fprintf(stderr, "%s\n", text);
}

/* Zones that do not say what may be changed let everything be changed. */
static void grant_everything(struct config *config)
{
    static uint16_t types[] = {TYPE_DNSKEY, TYPE_CDS, TYPE_CDNSKEY, TYPE_CSYNC};
    static struct config_acl_entry entries[] = {{.type_count = 0},
                                                {.types = types, .type_count = COUNT(types)}};

    for (size_t i = 0; i < config->zone_count; i++) {
        if (config->zones[i].allow_update_count)
            continue;
        config->zones[i].allow_update = entries;
        config->zones[i].allow_update_count = COUNT(entries);
    }
}

void rig_configure(struct rig *rig, const char *text)
{
    static const char head[] = "server:\n"
                               "  listen: [127.0.0.1@25353]\n"
                               "  state: state\n"
                               "  control: control.sock\n"
                               "  store-size: 64MiB\n"
                               "  log: {target: stderr, level: error}\n"
                               "keystores:\n"
                               "  - {name: a, module: /nowhere/a.so, uri: \"pkcs11:token=a\"}\n"
                               "  - {name: b, module: /nowhere/b.so, uri: \"pkcs11:token=b\"}\n";
    char whole[8192], path[512];
    struct complaints complaints = {.take = print_complaint};

    path_of(rig, "avow.yaml", path);
    ck_assert_int_lt(snprintf(whole, sizeof whole, "%s%s", head, text), (int)sizeof whole);
    struct config *config = &rig->configs[rig->config_count++ % 2];
    config_free(config);
    const struct config_source source = {.path = path, .text = whole, .length = strlen(whole)};
    ck_assert_int_eq(config_parse(config, &source, CONFIG_TEXT, &complaints), RESULT_OK);
    grant_everything(config);
    rig->room.config = config;
    if (rig->keeper.room)
        ck_assert_int_eq(keeper_configure(&rig->keeper, config), RESULT_OK);
}

/* ---- the keeper -------------------------------------------------------------------------------
 */

static void make_page(int *writable, int *readable)
{
    ck_assert_int_eq(pages_make(writable, readable), RESULT_OK);
}

static void listen_for_calls(struct rig *rig)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[512];
    int descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    path_of(rig, "control.sock", path);
    ck_assert_int_lt(snprintf(address.sun_path, sizeof address.sun_path, "%s", path),
                     (int)sizeof address.sun_path);
    ck_assert_int_eq(bind(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(descriptor, 8), 0);
    rig->room.sockets = calloc(1, sizeof *rig->room.sockets);
    ck_assert_ptr_nonnull(rig->room.sockets);
    rig->room.sockets[0] = (struct room_socket){.kind = SOCKET_CONTROL, .descriptor = descriptor};
    rig->room.socket_count = 1;
}

static void turn(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)watcher, (void)events;
}

void rig_open(struct rig *rig)
{
    char path[512];

    *rig = (struct rig){.folder = folder_make(), .front = -1, .desk = -1};
    log_set_level(LOG_LEVEL_ERROR);
    path_of(rig, "state", path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    rig->room = (struct room){.kind = ROOM_KEEPER, .workers = 1};
    rig->room.loop = ev_loop_new(EVBACKEND_EPOLL);
    rig->room.metrics = aligned_alloc(64, sizeof *rig->room.metrics);
    rig->frame = frame_make();
    ck_assert(rig->room.loop && rig->room.metrics && rig->frame);
    memset(rig->room.metrics, 0, sizeof *rig->room.metrics);
    int unused;
    make_page(&rig->room.published, &unused);
    ck_assert_int_eq(close(unused), 0);
    make_page(&rig->readers[0], &rig->room.readers[ROOM_FRONT]);
    make_page(&rig->readers[1], &rig->room.readers[ROOM_DESK]);
    listen_for_calls(rig);
    ev_timer_init(&rig->pace, turn, PACE_MS / 1000.0, PACE_MS / 1000.0);
    ev_timer_start(rig->room.loop, &rig->pace);
}

static void count_restart(struct keeper *keeper, enum room_kind kind, const char *reason)
{
    struct rig *rig = (struct rig *)(void *)((char *)keeper - offsetof(struct rig, keeper));

    (void)reason;
    rig->restarts[kind]++;
}

void rig_start(struct rig *rig)
{
    int pair[2];

    rig->keeper = (struct keeper){.restart = count_restart};
    ck_assert_msg(keeper_open(&rig->keeper, &rig->room) == RESULT_OK, "%s",
                  rig->keeper.store.problem);
    ck_assert_int_eq(channel_pair(pair), RESULT_OK);
    rig->front = pair[0];
    keeper_connect_front(&rig->keeper, 0, pair[1]);
    ck_assert_int_eq(channel_pair(pair), RESULT_OK);
    rig->desk = pair[0];
    desk_link_connect(&rig->keeper, pair[1]);
    ck_assert_int_eq(keeper_configure(&rig->keeper, rig->room.config), RESULT_OK);
}

void rig_start_signer(struct rig *rig)
{
    int theirs[2];

    fake_signer_start(&rig->signer, theirs);
    rig->signing = true;
    sign_connect(&rig->keeper, SIGNING_ORDERS, theirs[SIGNING_ORDERS]);
    sign_connect(&rig->keeper, SIGNING_BULK, theirs[SIGNING_BULK]);
}

void rig_kill_signer(struct rig *rig)
{
    if (rig->signing)
        fake_signer_kill(&rig->signer);
    rig->signing = false;
}

void rig_stop(struct rig *rig)
{
    if (!rig->keeper.room)
        return;
    keeper_close(&rig->keeper);
    ck_assert_int_eq(close(rig->front), 0);
    ck_assert_int_eq(close(rig->desk), 0);
    rig->front = rig->desk = -1;
}

void rig_close(struct rig *rig)
{
    rig_stop(rig);
    rig_kill_signer(rig);
    (void)close(rig->room.sockets[0].descriptor);
    free(rig->room.sockets);
    free(rig->room.metrics);
    frame_free(rig->frame);
    ev_timer_stop(rig->room.loop, &rig->pace);
    ev_loop_destroy(rig->room.loop);
    const int descriptors[] = {rig->room.published, rig->room.readers[ROOM_FRONT],
                               rig->room.readers[ROOM_DESK], rig->readers[0], rig->readers[1]};
    for (size_t i = 0; i < COUNT(descriptors); i++)
        (void)close(descriptors[i]);
    config_free(&rig->configs[0]);
    config_free(&rig->configs[1]);
    folder_remove(rig->folder);
}

/* ---- waiting ----------------------------------------------------------------------------------
 */

void rig_run_until(struct rig *rig, bool (*condition)(struct rig *rig), const char *what)
{
    uint64_t end = clock_monotonic_ms() + PATIENCE_MS;

    while (!condition(rig)) {
        ck_assert_msg(clock_monotonic_ms() < end, "waited in vain: %s (%s)", what,
                      rig->keeper.zones ? rig->keeper.zones->problem : "");
        ev_run(rig->room.loop, EVRUN_ONCE);
    }
}

void rig_run_ms(struct rig *rig, unsigned milliseconds)
{
    uint64_t end = clock_monotonic_ms() + milliseconds;

    while (clock_monotonic_ms() < end)
        ev_run(rig->room.loop, EVRUN_ONCE);
}

struct keeper_zone *rig_zone(struct rig *rig, const char *text)
{
    struct name name;

    ck_assert_int_eq(name_from_string(text, &name), RESULT_OK);
    return keeper_zone_find(&rig->keeper, &name);
}

bool rig_all_signed(struct rig *rig)
{
    for (const struct keeper_zone *zone = rig->keeper.zones; zone; zone = zone->next) {
        if (!zone->row.version || zone->phase != PHASE_IDLE || zone->load_wanted ||
            (keeper_zone_signs(zone) &&
             (!(zone->row.flags & ZONE_FULLY_SIGNED) || zone->in_flight || zone->round ||
              zone->renewed || zone->phase == PHASE_QUEUED || zone->phase == PHASE_LOADING ||
              zone->cursor.at != CURSOR_IDLE)))
            return false;
    }
    return rig->keeper.zones != NULL && rig->keeper.settled;
}

/* ---- the front --------------------------------------------------------------------------------
 */

void rig_want(struct rig *rig, uint64_t id, const char *zone, const char *owner, uint16_t type)
{
    struct message want = {
        .kind = MESSAGE_WANT,
        .want = {.id = id, .version = rig_zone(rig, zone)->row.version, .type = type}};

    ck_assert_int_eq(name_from_string(owner, &want.want.owner), RESULT_OK);
    ck_assert_int_eq(letter_send(rig->front, &want, rig->frame, LETTER_NOW), LETTER_DONE);
}

static int told(struct rig *rig, int descriptor, struct message *message)
{
    if (letter_receive(descriptor, rig->frame, LETTER_NOW) != LETTER_DONE)
        return -1;
    ck_assert_int_eq(message_read(rig->frame, message), RESULT_OK);
    return (int)message->kind;
}

int rig_told(struct rig *rig, struct message *message)
{
    int kind = told(rig, rig->front, message);

    while (kind == MESSAGE_ALLOWANCE) { /* comes now and then */
        rig->allowance = message->allowance;
        kind = told(rig, rig->front, message);
    }
    return kind;
}

/* ---- the desk ---------------------------------------------------------------------------------
 */

void rig_update(struct rig *rig, const char *zone, struct message_update update)
{
    struct message message = {.kind = MESSAGE_UPDATE, .update = update};

    ck_assert_int_eq(name_from_string(zone, &message.update.zone), RESULT_OK);
    ck_assert_int_eq(letter_send(rig->desk, &message, rig->frame, LETTER_NOW), LETTER_DONE);
}

int rig_desk_told(struct rig *rig, struct message *message)
{
    return told(rig, rig->desk, message);
}

/* ---- avowctl ----------------------------------------------------------------------------------
 */

int rig_call(struct rig *rig, const char *const *words)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct buffer arguments = {.length = 0};
    char path[512];
    int descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    path_of(rig, "control.sock", path);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.100s", path);
    ck_assert_int_eq(connect(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    for (; *words; words++)
        arguments_add(&arguments, *words);
    struct message request = {
        .kind = MESSAGE_REQUEST,
        .request = {.version = CONTROL_VERSION,
                    .arguments = span_of(arguments.octets, arguments.length)}};
    ck_assert_int_eq(letter_send(descriptor, &request, rig->frame, LETTER_NOW), LETTER_DONE);
    buffer_free(&arguments);
    return descriptor;
}

int rig_answer(struct rig *rig, int descriptor, struct buffer *text)
{
    uint64_t end = clock_monotonic_ms() + PATIENCE_MS;
    struct message message = {.kind = MESSAGE_CHUNK};

    while (message.kind != MESSAGE_DONE) {
        ck_assert_msg(clock_monotonic_ms() < end, "the call does not end");
        ev_run(rig->room.loop, EVRUN_ONCE);
        if (letter_receive(descriptor, rig->frame, LETTER_NOW) != LETTER_DONE)
            continue;
        ck_assert_int_eq(message_read(rig->frame, &message), RESULT_OK);
        if (message.kind == MESSAGE_CHUNK && text)
            buffer_add(text, message.chunk.text.octets, message.chunk.text.length);
    }
    if (text) {
        buffer_text(text, message.done.text);
        buffer_add(text, message.done.json.octets, message.done.json.length);
        buffer_u8(text, 0);
    }
    int code = message.done.code;
    ck_assert_int_eq(close(descriptor), 0);
    return code;
}

int rig_ask(struct rig *rig, struct buffer *text, const char *line)
{
    char copy[256], *rest = NULL;
    const char *words[16];
    unsigned count = 0;

    (void)snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok_r(copy, " ", &rest); word && count < 15;
         word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    words[count] = NULL;
    if (text)
        buffer_clear(text);
    return rig_answer(rig, rig_call(rig, words), text);
}

/* ---- what is stored ---------------------------------------------------------------------------
 */

static uint64_t check_set(const struct name *owner, const struct rrset_view *view,
                          uint32_t *earliest)
{
    struct reader run = rdata_run_reader(&view->signatures), rdata;
    char name[NAME_MAX_TEXT], type[TYPE_MAX_TEXT];
    uint64_t count = 0;

    while (rdata_next(&run, &rdata)) {
        struct rrsig rrsig;
        ck_assert_int_eq(rrsig_read(&rdata, &rrsig), RESULT_OK);
        ck_assert_uint_eq(rrsig.signature_length, FAKE_SIGNATURE);
        struct reader begin = reader_over(rrsig.signature, 8);
        ck_assert_msg(reader_u64(&begin) == fake_hash(owner, view->type, view->ttl, &view->rdata),
                      "the signature of %s %s is over something else", name_to_text(owner, name),
                      type_to_text(view->type, type));
        if (rrsig.fields.expiration < *earliest)
            *earliest = rrsig.fields.expiration;
        count++;
    }
    return count;
}

static uint64_t check_nodes(struct rig *rig, const struct keeper_zone *zone, uint32_t *earliest)
{
    struct node_view node;
    struct rrset_view view;
    struct name owner;
    uint64_t count = 0;

    for (enum walk walk = WALK_FROM; lookup_walk(&rig->keeper.view, zone->row.version, walk,
                                                 &zone->name, &node) == RECORD_THERE;
         walk = WALK_NEXT) {
        ck_assert_int_eq(node_name(&node, &owner), RESULT_OK);
        for (struct reader rows = node.rows; node_next(&rows, &view);) {
            ck_assert_int_eq(node_fetch(&node, &view), RESULT_OK);
            count += check_set(&owner, &view, earliest);
        }
    }
    return count;
}

static void fail_finding(void *context, const char *line)
{
    (void)context;
    ck_abort_msg("the store: %s", line);
}

uint64_t rig_check_signatures(struct rig *rig, const char *name, uint32_t *earliest)
{
    const struct keeper_zone *zone = rig_zone(rig, name);
    struct store_check counts;
    struct chain_nsec3 nsec3;
    uint8_t hash[NODE_HASH_OCTETS];
    const uint8_t *after = NULL;
    uint32_t first = UINT32_MAX;

    ck_assert_int_eq(snapshot_renew(&rig->keeper.view), RENEWAL_READY);
    uint64_t count = check_nodes(rig, zone, &first);
    while (chain_nsec3_walk(&rig->keeper.view, zone->row.version, after, &nsec3) == RECORD_THERE) {
        struct name owner;
        ck_assert_int_eq(nsec3_owner(nsec3.hash, &zone->name, &owner), RESULT_OK);
        count += check_set(&owner, &nsec3.rrset, &first);
        memcpy(hash, nsec3.hash, sizeof hash);
        after = hash;
    }
    ck_assert_int_eq(store_check(&rig->keeper.view, &counts, fail_finding, NULL), RESULT_OK);
    snapshot_rest(&rig->keeper.view);
    if (earliest)
        *earliest = first;
    return count;
}

void rig_start_signed(struct rig *rig, const char *configuration)
{
    rig_configure(rig, configuration);
    rig_start(rig);
    rig_start_signer(rig);
    rig_run_until(rig, rig_all_signed, "fully signed");
}
