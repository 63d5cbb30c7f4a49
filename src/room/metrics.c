/* metrics.c - the names of the counters, and their sums. */
#include "avow/room/metrics.h"

static const struct {
    const char *name;
    const char *help;
    enum metric_kind kind;
} metrics[METRIC_COUNT] = {
#define METRIC_ROW(kind, NAME, name, help) [METRIC_##NAME] = {name, help, METRIC_##kind},
    METRICS(METRIC_ROW)
#undef METRIC_ROW
};

size_t metrics_page_octets(void)
{
    return sizeof(struct metrics_page);
}

void metrics_reset_gauges(struct metrics_page *page)
{
    for (unsigned stripe = 0; stripe < METRICS_STRIPES; stripe++) {
        for (unsigned metric = 0; metric < METRIC_COUNT; metric++) {
            /* Only what is not zero: a page that was never touched takes no memory. */
            if (metrics[metric].kind == METRIC_GAUGE &&
                metric_get(&page->stripes[stripe], (enum metric)metric))
                metric_set(&page->stripes[stripe], (enum metric)metric, 0);
        }
    }
}

uint64_t metrics_sum(const struct metrics_page *page, enum metric metric)
{
    uint64_t sum = 0;

    for (unsigned stripe = 0; page && stripe < METRICS_STRIPES; stripe++)
        sum += metric_get(&page->stripes[stripe], metric);
    return sum;
}

const char *metric_name(enum metric metric)
{
    return metrics[metric].name;
}

const char *metric_help(enum metric metric)
{
    return metrics[metric].help;
}

enum metric_kind metric_kind(enum metric metric)
{
    return metrics[metric].kind;
}
