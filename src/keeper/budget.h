/*
 * budget.h - how many signatures the token makes, and who may have how many of them.
 *
 * The rate is measured: signatures that came back, over the time in which the signer had work. What
 * queries ask for is admitted as far as it can be made before those who wait give up, and goes to
 * the signer little by little: what is more important then never waits for much. The background has
 * a share of its own, large where it must not be late, small where it can.
 *
 * Pure: no clock, no allocation; the time is handed in.
 */
#ifndef KEEPER_BUDGET_H
#define KEEPER_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "avow/config/config.h"

enum {
    BUDGET_CHANGES = 16, /* signatures of changes that the background may be owed */
    BUDGET_SAMPLE = 64,  /* signatures, or ... */
    BUDGET_SAMPLE_MS =
        1000,            /* ... so much of the signer's time, that the rate is worked out from */
    BUDGET_LEAST = 60,   /* a minute: what a token is taken to make that makes none */
    BUDGET_FAST = 60000, /* a minute: from here on one made twice does not matter */
    BUDGET_WINDOW_LEAST = 2,
    BUDGET_WINDOW_MOST = 512,
    BUDGET_WINDOW_UNKNOWN = 32,
    BUDGET_SHARE = 7 /* signatures of one kind for each of the other */
};

/* What the signer has of the background, the most important kind of it. */
enum budget_background {
    BACKGROUND_NONE,
    BACKGROUND_ROUTINE,  /* one of eight signatures is its */
    BACKGROUND_WAITED,   /* somebody waits for it: one of two */
    BACKGROUND_PRESSING, /* it runs out soon, or is an apex: seven of eight */
    BACKGROUNDS
};

/* A zeroed budget is that of a token of which nothing is known. */
struct budget {
    uint32_t cores;     /* that this machine has */
    uint32_t sessions;  /* signatures that the tokens make at a time, by configuration */
    uint32_t rate;      /* signatures a minute; 0: not known yet */
    uint32_t under_way; /* at the signer, of all kinds */
    uint32_t asked;     /* of these, what queries asked for */
    uint32_t owed;      /* to the background, by what queries asked for ... */
    uint32_t changes;   /* ... and by changes, while it must not be late */
    uint32_t made;      /* since the rate was last worked out */
    uint64_t busy_ms;   /* in the same time, with work at the signer */
    uint64_t since_ms;  /* busy since then, when something is under way */
};

/* Signatures that the keystore's token makes at a time, by configuration. */
static inline uint32_t budget_sessions(const struct budget *budget,
                                       const struct config_keystore *keystore)
{
    return keystore->sessions ? keystore->sessions : budget->cores;
}

/* So many jobs went to the signer, or came back, of which so many with a signature. */
void budget_sent(struct budget *budget, unsigned count, uint64_t now_ms);
void budget_came(struct budget *budget, unsigned count, unsigned made, uint64_t now_ms);

/* The signer is gone, or has nothing of ours: what was under way is not. The rate is kept. */
void budget_lost(struct budget *budget, uint64_t now_ms);

/* Work out the rate, when there is enough to work it out from. Now and then. */
void budget_measure(struct budget *budget, uint64_t now_ms);

/* How many signatures that queries ask for can be made within that time beside the background's.
 * UINT32_MAX: nobody knows yet. */
uint32_t budget_within(const struct budget *budget, enum budget_background background, uint64_t ms);

/* Whether the signer may have one more that a query asked for (an apex owes nothing); that it has;
 * that it had. */
bool budget_may_ask(const struct budget *budget, enum budget_background background, bool apex);
void budget_ask(struct budget *budget, enum budget_background background);
void budget_asked_came(struct budget *budget);

/* Whether the signer may have those of one more change; that it has so many. Changes go before the
 * background: one that must not be late would never have its turn beside changes without end. */
bool budget_may_change(const struct budget *budget, enum budget_background background);
void budget_change(struct budget *budget, unsigned count, enum budget_background background);

/* A signature of the background came; `background`: while this kind was under way. */
void budget_background_came(struct budget *budget, enum budget_background background);

/* Whether one signature that is made twice does not matter. */
static inline bool budget_is_ample(const struct budget *budget)
{
    return budget->rate >= BUDGET_FAST;
}

#endif
