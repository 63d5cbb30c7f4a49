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
    budget->under_way -= count < budget->under_way ? count : budget->under_way;
    budget->made += made;
}

void budget_lost(struct budget *budget, uint64_t now_ms)
{
    count_time(budget, now_ms);
    budget->under_way = budget->asked = budget->owed = 0;
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

uint32_t budget_within(const struct budget *budget, uint64_t ms)
{
    if (budget->rate == 0)
        return UINT32_MAX;
    uint64_t count = budget->rate * ms / MINUTE_MS * BUDGET_SHARE / (BUDGET_SHARE + 1);
    return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX - 1;
}

/* ---- shares -----------------------------------------------------------------------------------*/

/* What is owed to the background by a signature that is asked for, and what one of its own pays
 * back. */
static const struct {
    uint8_t owes, pays;
} shares[BACKGROUNDS] = {[BACKGROUND_NONE] = {0, 0},
                         [BACKGROUND_ROUTINE] = {1, BUDGET_SHARE},
                         [BACKGROUND_WAITED] = {BUDGET_SHARE, BUDGET_SHARE},
                         [BACKGROUND_PRESSING] = {BUDGET_SHARE, 1}};

static uint32_t window(const struct budget *budget)
{
    uint64_t count = (uint64_t)budget->rate * WINDOW_MS / MINUTE_MS;

    if (budget->rate == 0)
        return BUDGET_WINDOW_UNKNOWN;
    return count < BUDGET_WINDOW_LEAST  ? BUDGET_WINDOW_LEAST
           : count > BUDGET_WINDOW_MOST ? BUDGET_WINDOW_MOST
                                        : (uint32_t)count;
}

bool budget_may_ask(const struct budget *budget, enum budget_background background)
{
    return budget->asked < window(budget) &&
           (background == BACKGROUND_NONE || budget->owed < OWED_MOST);
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
}
