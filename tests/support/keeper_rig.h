/*
 * keeper_rig.h - a whole keeper in a test: its store in a folder, a signer that is a thread, one
 * worker of the front that is the test itself, and avowctl's socket.
 */
#ifndef TESTS_SUPPORT_KEEPER_RIG_H
#define TESTS_SUPPORT_KEEPER_RIG_H

#include "../../src/keeper/internal.h"
#include "avow/config/config.h"
#include "keeper_signer.h"

struct rig {
    char *folder;
    struct config configs[2]; /* the one in use, and the one before */
    unsigned config_count;
    struct room room;
    struct keeper keeper;
    struct fake_signer signer;
    bool signing;              /* the signer runs */
    int front;                 /* our end */
    int desk;                  /* the same, of the desk's CHANGES */
    int published, readers[2]; /* writable ends of the pages */
    unsigned restarts[ROOMS];  /* asked for */
    ev_timer pace;
    struct frame *frame;
    struct message_allowance allowance; /* the last that rig_told met */
};

/* A folder, pages and a loop; the keeper is opened by rig_start. `zones`, `policy`: YAML. */
void rig_open(struct rig *rig);
void rig_close(struct rig *rig);

/* Write a file into the folder, with a time that differs from the one before. */
void rig_write(struct rig *rig, const char *file, const char *text);

/* Use this configuration (what stands below server and keystores): at once when the keeper runs. */
void rig_configure(struct rig *rig, const char *text);

void rig_start(struct rig *rig);        /* the keeper, the front */
void rig_start_signer(struct rig *rig); /* connected at once */
void rig_kill_signer(struct rig *rig);
void rig_stop(struct rig *rig); /* the keeper dies */

/* Turn the loop until the condition holds; fails the test after some seconds. */
void rig_run_until(struct rig *rig, bool (*condition)(struct rig *rig), const char *what);
void rig_run_ms(struct rig *rig, unsigned milliseconds);

struct keeper_zone *rig_zone(struct rig *rig, const char *name);
bool rig_all_signed(struct rig *rig);

/* Start keeper and signer with this configuration, and wait until all that is to be signed is. */
void rig_start_signed(struct rig *rig, const char *configuration);

/* The front asks; what it was told: MESSAGE_STORED, MESSAGE_NOT_STORED, or -1 for nothing yet. */
void rig_want(struct rig *rig, uint64_t id, const char *zone, const char *owner, uint16_t type);
int rig_told(struct rig *rig, struct message *message);

/* The desk sends an update (which has its id and records; the zone is filled in). */
void rig_update(struct rig *rig, const char *zone, struct message_update update);
/* What the desk was told; -1 for nothing yet. */
int rig_desk_told(struct rig *rig, struct message *message);

/* avowctl calls. Returns a descriptor for rig_answer, which turns the loop until the end of the
 * call and returns the exit code; `text` receives chunks, text and JSON. */
int rig_call(struct rig *rig, const char *const *words);
int rig_answer(struct rig *rig, int descriptor, struct buffer *text);
int rig_ask(struct rig *rig, struct buffer *text, const char *words); /* both; blanks between */

/* Each signature of the zone belongs to what it lies beside. Returns how many there are; `earliest`
 * receives the first expiration. */
uint64_t rig_check_signatures(struct rig *rig, const char *zone, uint32_t *earliest);

#endif
