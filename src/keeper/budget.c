/* budget.c - how many signatures the token makes, and who may have how many of them. */
#include "budget.h"

enum { MINUTE_MS = 60000, WINDOW_MS = 100, OWED_MOST = BUDGET_SHARE };

/* ---- the rate ---------------------------------------------------------------------------------*/

static void count_time(struct budget *budget, uint64_t now_ms)
{
    if (budget->under_way && now_ms > budget->since_ms)
        budget->busy_ms += now_ms - budget->since_ms;
    budget->since_ms = now_ms;
}

void budget_sent(struct budget *budget, unsigned count, uint64_t now_ms)
{
    if (budget->under_way == 0)
        budget->since_ms = now_ms;
    budget->under_way += count;
}

void budget_came(struct budget *budget, unsigned count, unsigned made, uint64_t now_ms)
{
    count_time(budget, now_ms);
    /* What was given up as lost and comes all the same took no time that was counted. */
    uint32_t counted = count < budget->under_way ? count : budget->under_way;
    budget->under_way -= counted;
    budget->made += made < counted ? made : counted;
}

void budget_lost(struct budget *budget, uint64_t now_ms)
{
    count_time(budget, now_ms);
    budget->under_way = budget->asked = budget->owed = budget->changes = 0;
}

void budget_measure(struct budget *budget, uint64_t now_ms)
{
    count_time(budget, now_ms);
    if (budget->made < BUDGET_SAMPLE && budget->busy_ms < BUDGET_SAMPLE_MS)
        return;
    uint64_t rate = (uint64_t)budget->made * MINUTE_MS / (budget->busy_ms ? budget->busy_ms : 1);
    if (rate > UINT32_MAX / 2)
        rate = UINT32_MAX / 2;
    if (budget->rate)
        rate = (budget->rate + rate + 1) / 2;
    budget->rate = rate < BUDGET_LEAST ? BUDGET_LEAST : (uint32_t)rate;
    budget->made = 0;
    budget->busy_ms = 0;
}

/* ---- shares -----------------------------------------------------------------------------------*/

/* What is owed to the background by a signature that is asked for, what one of its own pays back,
 * and how many of eight thus are such that are asked for. */
static const struct {
    uint8_t owes, pays, asked;
} shares[BACKGROUNDS] = {[BACKGROUND_NONE] = {0, 0, BUDGET_SHARE}, /* some may come */
                         [BACKGROUND_ROUTINE] = {1, BUDGET_SHARE, BUDGET_SHARE},
                         [BACKGROUND_WAITED] = {BUDGET_SHARE, BUDGET_SHARE, (BUDGET_SHARE + 1) / 2},
                         [BACKGROUND_PRESSING] = {BUDGET_SHARE, 1, 1}};

uint32_t budget_within(const struct budget *budget, enum budget_background background, uint64_t ms)
{
    if (budget->rate == 0)
        return UINT32_MAX;
    uint64_t count = budget->rate * ms / MINUTE_MS * shares[background].asked / (BUDGET_SHARE + 1);
    return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX - 1;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* A session that waits for a token far away is idle: with less than one for each session the rate
 * would fall by what the window leaves idle, and the window with it. */
static uint32_t window(const struct budget *budget)
{
    uint64_t count = (uint64_t)budget->rate * WINDOW_MS / MINUTE_MS;
    uint32_t least = larger(BUDGET_WINDOW_LEAST, budget->sessions);

    if (budget->rate == 0)
        count = BUDGET_WINDOW_UNKNOWN;
    return count > BUDGET_WINDOW_MOST ? BUDGET_WINDOW_MOST : larger((uint32_t)count, least);
}

bool budget_may_ask(const struct budget *budget, enum budget_background background, bool apex)
{
    return budget->asked < window(budget) &&
           (apex || background == BACKGROUND_NONE || budget->owed < OWED_MOST);
}

bool budget_may_change(const struct budget *budget, enum budget_background background)
{
    return background != BACKGROUND_PRESSING || budget->changes < BUDGET_CHANGES;
}

void budget_change(struct budget *budget, unsigned count, enum budget_background background)
{
    budget->changes = background == BACKGROUND_PRESSING ? budget->changes + count : 0;
}

void budget_ask(struct budget *budget, enum budget_background background)
{
    budget->asked++;
    budget->owed += shares[background].owes;
}

void budget_asked_came(struct budget *budget)
{
    budget->asked -= budget->asked > 0;
}

void budget_background_came(struct budget *budget, enum budget_background background)
{
    uint32_t pays = shares[background].pays;

    budget->owed -= pays < budget->owed ? pays : budget->owed;
    budget->changes -= budget->changes > 0;
}
