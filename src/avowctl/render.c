/* render.c - the daemon's answers as text for people. */
#include "avowctl.h"

#include <stdio.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "-";
}

static unsigned long long number_of(const json_t *object, const char *key)
{
    return (unsigned long long)json_integer_value(json_object_get(object, key));
}

/* Octets as people read them. */
static void print_octets(FILE *out, unsigned long long octets)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)octets;
    unsigned unit = 0;

    while (value >= 1024 && unit < COUNT(units) - 1) {
        value /= 1024;
        unit++;
    }
    (void)fprintf(out, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

void render_nothing(const json_t *answer, FILE *out)
{
    (void)answer, (void)out;
}

static void render_rooms(const json_t *answer, FILE *out)
{
    size_t index;
    json_t *room;

    json_array_foreach(json_object_get(answer, "rooms"), index, room)
    {
        (void)fprintf(out, "  %-8s %-9s pid %-7llu restarts %-3llu %s\n", text_of(room, "room"),
                      text_of(room, "state"), number_of(room, "pid"), number_of(room, "restarts"),
                      text_of(room, "confinement"));
    }
}

static void render_problems(const json_t *zones, FILE *out)
{
    size_t index;
    json_t *problem;

    json_array_foreach(json_object_get(zones, "problems"), index, problem)
    {
        (void)fprintf(out, "  %s %s\n", text_of(problem, "zone"), text_of(problem, "problem"));
    }
}

static void render_tokens(const json_t *signing, FILE *out)
{
    size_t index;
    json_t *token;

    json_array_foreach(json_object_get(signing, "tokens"), index, token)
    {
        (void)fprintf(out, "token       keystore %s %s: %s\n", text_of(token, "keystore"),
                      json_is_true(json_object_get(token, "up")) ? "up" : "DOWN",
                      text_of(token, "text"));
    }
}

static void render_limits(const json_t *metrics, FILE *out)
{
    unsigned long long dropped = number_of(metrics, "dropped_limit"),
                       slipped = number_of(metrics, "slipped_limit"),
                       leaked = number_of(metrics, "leaked_limit"),
                       spared = number_of(metrics, "spared_limit");

    if (dropped + slipped + leaked + spared)
        (void)fprintf(
            out,
            "rate limit  %llu answers over it: %llu dropped, %llu shortened, %llu leaked, "
            "%llu sent for dry-run\n",
            dropped + slipped + leaked + spared, dropped, slipped, leaked, spared);
}

static void render_cookies(const json_t *metrics, FILE *out)
{
    unsigned long long good = number_of(metrics, "cookies_good"),
                       bad = number_of(metrics, "cookies_bad"),
                       alone = number_of(metrics, "cookies_client");

    if (good + bad + alone)
        (void)fprintf(out,
                      "cookies     %llu good, %llu bad, %llu from clients without one of ours\n",
                      good, bad, alone);
}

/* What the tokens can make, who waits for it, and who was told to come back. */
static void render_budget(const json_t *signing, const json_t *metrics, FILE *out)
{
    const json_t *queued = json_object_get(signing, "queued");
    unsigned long long rate = number_of(signing, "tokens_make_per_minute");

    if (rate == 0)
        return; /* not known yet */
    (void)fprintf(out,
                  "budget      the tokens make %llu.%llu a second; waiting: apex %llu, clients "
                  "%llu, strangers %llu; with the signer: asked for %llu, background %llu; "
                  "turned to TCP or a cookie %llu, refused %llu\n",
                  rate / 60, rate % 60 / 6, number_of(queued, "apex"), number_of(queued, "proven"),
                  number_of(queued, "unproven"), number_of(queued, "asked_at_signer"),
                  number_of(queued, "background_at_signer"), number_of(metrics, "wants_turned"),
                  number_of(metrics, "asked_refused"));
}

static void render_traffic(const json_t *metrics, FILE *out)
{
    unsigned long long queries =
        number_of(metrics, "queries_udp") + number_of(metrics, "queries_tcp");
    (void)fprintf(out,
                  "queries     %llu, answers %llu (NOERROR %llu, NXDOMAIN %llu, REFUSED %llu, "
                  "SERVFAIL %llu), from cache %llu\n",
                  queries, number_of(metrics, "responses"), number_of(metrics, "rcode_noerror"),
                  number_of(metrics, "rcode_nxdomain"), number_of(metrics, "rcode_refused"),
                  number_of(metrics, "rcode_servfail"), number_of(metrics, "cache_hits"));
    (void)fprintf(
        out,
        "connections %llu open, of %llu accepted; made room %llu, idle %llu, slow writers "
        "%llu, slow readers %llu, refused %llu\n",
        number_of(metrics, "tcp_open"), number_of(metrics, "tcp_accepted"),
        number_of(metrics, "tcp_evicted"), number_of(metrics, "tcp_idle"),
        number_of(metrics, "tcp_slow_writers"), number_of(metrics, "tcp_slow_readers"),
        number_of(metrics, "tcp_refused"));
    render_limits(metrics, out);
    render_cookies(metrics, out);
    if (number_of(metrics, "store_corrupt"))
        (void)fprintf(out, "store       %llu damaged records met: run avowctl scrub start --wait\n",
                      number_of(metrics, "store_corrupt"));
}

/* What a pass over the store has found, or found so far. */
static void render_pass(const json_t *facts, FILE *out)
{
    (void)fprintf(out, "%llu records, %llu damaged", number_of(facts, "records"),
                  number_of(facts, "records_damaged"));
    if (number_of(facts, "records_mended"))
        (void)fprintf(out, " (%llu mended)", number_of(facts, "records_mended"));
    (void)fprintf(out, "; %llu signatures, %llu bad", number_of(facts, "signatures"),
                  number_of(facts, "signatures_bad"));
    if (number_of(facts, "signatures_left"))
        (void)fprintf(out, " (%llu not made anew)", number_of(facts, "signatures_left"));
    (void)fprintf(out, "; %llu of %llu zones in doubt\n", number_of(facts, "zones_doubtful"),
                  number_of(facts, "zones"));
}

void render_scrub(const json_t *answer, FILE *out)
{
    const json_t *scrub = json_object_get(answer, "scrub");
    const json_t *now = json_object_get(scrub, "now"), *last = json_object_get(scrub, "last");

    if (!scrub)
        return;
    if (!json_is_null(json_object_get(scrub, "running"))) {
        (void)fprintf(out, "scrub       of %s since %s, at %s: ", text_of(scrub, "running"),
                      text_of(now, "begun"), text_of(scrub, "zone"));
        render_pass(now, out);
    }
    if (!json_is_null(json_object_get(last, "ended"))) {
        (void)fprintf(out, "scrub       ended %s: ", text_of(last, "ended"));
        render_pass(last, out);
    }
    (void)fprintf(out, "scrub       next %s\n", text_of(scrub, "next"));
}

static void render_tls(const json_t *tls, FILE *out)
{
    size_t index;
    json_t *address;

    if (!tls)
        return;
    (void)fprintf(out, "TLS         on");
    json_array_foreach(json_object_get(tls, "listen"), index, address)(void)
        fprintf(out, " %s", json_string_value(address));
    (void)fprintf(out, ", certificate %s %s\n",
                  json_is_true(json_object_get(tls, "certificate_ended")) ? "ENDED" : "ends",
                  text_of(tls, "certificate_ends"));
    (void)fprintf(out, "            %llu open, handshakes %llu, failed %llu, too slow %llu\n",
                  number_of(tls, "open"), number_of(tls, "handshakes"), number_of(tls, "failed"),
                  number_of(tls, "slow"));
}

static void render_configuration(const json_t *configuration, FILE *out)
{
    (void)fprintf(out, "config      read %s", text_of(configuration, "read_at"));
    if (json_is_string(json_object_get(configuration, "refused_at")))
        (void)fprintf(out, "; the reload of %s FAILED: the log says why",
                      text_of(configuration, "refused_at"));
    (void)fprintf(out, "\n");
}

static void render_clock(const json_t *answer, FILE *out)
{
    const json_t *clock = json_object_get(answer, "clock");

    if (json_is_string(json_object_get(clock, "last_set")))
        (void)fprintf(out, "clock       was set %llu times; last %s by %llu s, to %s\n",
                      number_of(json_object_get(answer, "metrics"), "clock_jumps"),
                      text_of(clock, "last_set"), number_of(clock, "last_set_seconds"),
                      text_of(clock, "last_set_at"));
}

static void render_store(const json_t *store, FILE *out)
{
    (void)fprintf(out, "store       ");
    print_octets(out, number_of(store, "file_octets"));
    (void)fprintf(out, " of ");
    print_octets(out, number_of(store, "reserved_octets"));
    if (json_is_integer(json_object_get(store, "disk_left_octets"))) {
        (void)fprintf(out, ", disk has ");
        print_octets(out, number_of(store, "disk_left_octets"));
        (void)fprintf(out, " left");
    }
    (void)fprintf(out, ", takes %s", text_of(store, "accepts"));
    if (json_is_string(json_object_get(store, "short_of")))
        (void)fprintf(out, ": short of %s", text_of(store, "short_of"));
    (void)fprintf(out, "\n");
}

void render_status(const json_t *answer, FILE *out)
{
    const json_t *zones = json_object_get(answer, "zones");
    const json_t *signing = json_object_get(answer, "signing");
    const json_t *store = json_object_get(answer, "store");

    (void)fprintf(out, "avowd %s, %s\n", text_of(answer, "version"),
                  json_is_true(json_object_get(answer, "ready")) ? "ready" : "starting");
    render_configuration(json_object_get(answer, "configuration"), out);
    (void)fprintf(out,
                  "zones       %llu configured, %llu served, %llu fully signed, "
                  "%llu unsigned, %llu held, %llu doubtful\n",
                  number_of(zones, "configured"), number_of(zones, "served"),
                  number_of(zones, "fully_signed"), number_of(zones, "unsigned"),
                  number_of(zones, "held"), number_of(zones, "doubtful"));
    if (number_of(zones, "removed"))
        (void)fprintf(out, "removed     %llu zones that are not configured any more are kept\n",
                      number_of(zones, "removed"));
    render_problems(zones, out);
    render_tokens(signing, out);
    (void)fprintf(out, "signatures  %llu pending, %llu a second, the oldest runs out %s\n",
                  number_of(signing, "pending"), number_of(signing, "signatures_per_second"),
                  text_of(signing, "oldest_signature_expires"));
    render_budget(signing, json_object_get(answer, "metrics"), out);
    render_traffic(json_object_get(answer, "metrics"), out);
    render_tls(json_object_get(answer, "tls"), out);
    render_store(store, out);
    render_scrub(answer, out);
    render_clock(answer, out);
    (void)fprintf(out, "rooms\n");
    render_rooms(answer, out);
}

static void render_zone_line(const json_t *zone, FILE *out)
{
    (void)fprintf(out, "%-32s %-10s serial %-11llu %9llu names %9llu/%llu signatures",
                  text_of(zone, "zone"), text_of(zone, "state"), number_of(zone, "serial"),
                  number_of(zone, "names"), number_of(zone, "signatures"),
                  number_of(zone, "signatures_wanted"));
    if (json_is_true(json_object_get(zone, "changes_not_in_file")))
        (void)fprintf(out, "  changed");
    if (json_is_object(json_object_get(zone, "transaction")))
        (void)fprintf(out, "  transaction open");
    if (!json_is_null(json_object_get(zone, "problem")))
        (void)fprintf(out, "  %s", text_of(zone, "problem"));
    (void)fprintf(out, "\n");
}

void render_zone_list(const json_t *answer, FILE *out)
{
    size_t index;
    json_t *zone;

    json_array_foreach(json_object_get(answer, "zones"), index, zone)
    {
        render_zone_line(zone, out);
    }
}

static void render_key(const json_t *key, FILE *out)
{
    (void)fprintf(out, "  %-4s %5llu  %-16s %-10s %s  keystore %s, id %s, since %s\n",
                  text_of(key, "role"), number_of(key, "tag"), text_of(key, "algorithm_name"),
                  text_of(key, "state"),
                  json_is_true(json_object_get(key, "usable")) ? "usable" : "NOT USABLE",
                  text_of(key, "keystore"), text_of(key, "id"), text_of(key, "created"));
}

static void render_keys_of(const json_t *zone, FILE *out)
{
    size_t index;
    json_t *key;

    json_array_foreach(json_object_get(zone, "keys"), index, key)
    {
        render_key(key, out);
    }
}

void render_keys(const json_t *answer, FILE *out)
{
    size_t index;
    json_t *zone;

    json_array_foreach(json_object_get(answer, "zones"), index, zone)
    {
        (void)fprintf(out, "%s\n", text_of(zone, "zone"));
        render_keys_of(zone, out);
    }
}

static void render_file(const json_t *zone, FILE *out)
{
    (void)fprintf(out, "  file        %s, loaded %s, %s%s\n", text_of(zone, "file"),
                  text_of(zone, "loaded_at"),
                  strcmp(text_of(zone, "zone_file"), "write") == 0 ? "written when the zone changes"
                                                                   : "only read",
                  json_is_true(json_object_get(zone, "file_changed")) ? "; it is another one now"
                                                                      : "");
    if (!json_is_null(json_object_get(zone, "file_problem")))
        (void)fprintf(out, "              %s\n", text_of(zone, "file_problem"));
}

static void render_held(const json_t *zone, FILE *out)
{
    const json_t *held = json_object_get(zone, "held");

    if (!json_is_object(held))
        return;
    (void)fprintf(out, "  HELD        since %s: %s\n", text_of(held, "since"),
                  text_of(held, "text"));
    if (number_of(held, "names"))
        (void)fprintf(out,
                      "              names: %llu now, %llu in the file, %llu would go, %llu come\n",
                      number_of(held, "names_served"), number_of(held, "names"),
                      number_of(held, "names_gone"), number_of(held, "names_new"));
}

static void render_digest(const json_t *zone, FILE *out)
{
    const json_t *digest = json_object_get(zone, "zonemd");
    const char *publish = text_of(digest, "publish");

    if (strcmp(publish, "off") != 0)
        (void)fprintf(out, "  zonemd      %s, %s\n", publish,
                      json_is_true(json_object_get(digest, "published"))
                          ? "published"
                          : "not published since the zone has changed");
}

static void render_change(const json_t *zone, FILE *out)
{
    const json_t *journal = json_object_get(zone, "journal");
    const json_t *transaction = json_object_get(zone, "transaction");

    (void)fprintf(out, "  changed     %s, %s; serials by %s; updates waiting %llu\n",
                  text_of(zone, "changed_at"),
                  json_is_true(json_object_get(zone, "changes_not_in_file"))
                      ? "with changes that its file does not have"
                      : "as its file says",
                  text_of(zone, "serial_policy"), number_of(zone, "updates_waiting"));
    (void)fprintf(out, "  journal     %llu changes, ", number_of(journal, "entries"));
    print_octets(out, number_of(journal, "octets"));
    if (number_of(journal, "entries"))
        (void)fprintf(out, ", from serial %llu", number_of(journal, "oldest_serial"));
    (void)fprintf(out, "\n");
    if (json_is_object(transaction))
        (void)fprintf(out, "  transaction open since %s, %llu changes\n",
                      text_of(transaction, "since"), number_of(transaction, "changes"));
}

static void render_fact(const json_t *secondary, const char *what, const char *serial,
                        const char *at, FILE *out)
{
    if (!json_is_null(json_object_get(secondary, at)))
        (void)fprintf(out, ", %s %llu %s", what, number_of(secondary, serial),
                      text_of(secondary, at));
}

static void render_secondaries(const json_t *zone, FILE *out)
{
    size_t index;
    json_t *secondary;

    json_array_foreach(json_object_get(zone, "secondaries"), index, secondary)
    {
        (void)fprintf(out, "  secondary   %s", text_of(secondary, "address"));
        render_fact(secondary, "told of", "notified_serial", "notified_at", out);
        render_fact(secondary, "asked at", "asked_serial", "asked_at", out);
        render_fact(secondary, "took all of", "transferred_serial", "transferred_at", out);
        render_fact(secondary, "followed to", "followed_serial", "followed_at", out);
        if (!json_is_null(json_object_get(secondary, "problem")))
            (void)fprintf(out, ", SILENT: %s", text_of(secondary, "problem"));
        (void)fprintf(out, "\n");
    }
}

static void render_zone_scrub(const json_t *scrub, FILE *out)
{
    (void)fprintf(
        out, "  scrubbed    %s, %llu records, %llu damaged; %llu signatures, %llu bad%s\n",
        text_of(scrub, "at"), number_of(scrub, "records"), number_of(scrub, "records_damaged"),
        number_of(scrub, "signatures"), number_of(scrub, "signatures_bad"),
        json_is_true(json_object_get(scrub, "doubtful")) ? "; NOT ANSWERED: in doubt" : "");
}

void render_zone_status(const json_t *answer, FILE *out)
{
    render_zone_line(answer, out);
    render_file(answer, out);
    render_held(answer, out);
    render_digest(answer, out);
    render_change(answer, out);
    render_secondaries(answer, out);
    (void)fprintf(out, "  policy      %s, denial %s%s\n", text_of(answer, "policy"),
                  text_of(answer, "denial"),
                  json_is_true(json_object_get(answer, "opt_out")) ? " with opt-out" : "");
    (void)fprintf(out, "  signed      %s, under way %llu, the oldest signature runs out %s\n",
                  text_of(answer, "signed_at"), number_of(answer, "signatures_under_way"),
                  text_of(answer, "oldest_signature_expires"));
    render_zone_scrub(json_object_get(answer, "scrub"), out);
    render_keys_of(answer, out);
}

void render_records(const json_t *answer, FILE *out)
{
    size_t index;
    json_t *record;

    json_array_foreach(json_object_get(answer, "records"), index, record)
    {
        (void)fprintf(out, "%s\n", json_string_value(record));
    }
}
