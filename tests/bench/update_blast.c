/*
 * update_blast.c - dynamic updates under TSIG over UDP: so many clients, each with one under way.
 *
 *   update_blast -p PORT -z ZONE -k NAME:SECRET [-a ADDRESS] -m add|replace|delete|churn
 *                [-f FILE] [-x PREFIX] [-o FIRST] [-c CLIENTS] [-n UPDATES] [-s SECONDS]
 *                [-t MILLISECONDS] [-l LIMIT]
 *
 * -m  add      a name that is not there: PREFIX and a number, an A record
 *     delete   the same names, all of them
 *     churn    add and delete by turns, a name that was added not long before
 *     replace  the A records of a name that is there, from FILE (a line each), in random order
 * -o  number of the first name (0)
 * -n  so many updates in all, or -s: as many as are answered in so many seconds
 * -t  an update without an answer is sent again, the same octets (2000)
 * -l  at most so many updates a second
 *
 * Names are below ZONE. All updates are signed by hmac-sha256, each answer is checked. A client
 * is a socket. Prints one line of JSON: answers by RCODE, updates a second (only those with NOERROR
 * count), the times from the first sending to the answer, what was sent again or came forged.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "avow/base/clock.h"

#include "blast_key.h"

enum { OCTETS = 1024, MOST_CLIENTS = 1024, LONGEST_MS = 20000 };
enum mode { MODE_ADD, MODE_DELETE, MODE_CHURN, MODE_REPLACE, MODES };

struct options {
    const char *address, *zone, *key, *file, *prefix;
    unsigned port, clients, timeout_ms;
    uint64_t first, updates;
    double seconds, limit;
    enum mode mode;
};

struct client {
    int descriptor;
    bool waits;
    uint16_t id;
    uint64_t begun, sent; /* nanoseconds */
    struct tsig_session session;
    size_t length;
    uint8_t octets[OCTETS];
};

struct blast {
    struct options options;
    struct tsig_keyring keyring;
    struct name zone;
    struct name *names; /* of the file */
    size_t name_count;
    struct client *clients;
    struct pollfd *polled;
    uint64_t chance, begun, next; /* next: updates that were begun */
    uint64_t answered, again, forged, lost, rcodes[16];
    double *times; /* milliseconds */
    size_t times_room;
};

static uint64_t chance(struct blast *blast)
{
    uint64_t x = blast->chance;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    blast->chance = x;
    return x * 0x2545f4914f6cdd1dULL;
}

/* ---- what is sent ---------------------------------------------------------------------------- */

static void owner_of(struct blast *blast, uint64_t number, struct name *owner)
{
    char text[128];

    if (blast->options.mode == MODE_REPLACE) {
        name_copy(owner, &blast->names[chance(blast) % blast->name_count]);
        return;
    }
    (void)snprintf(text, sizeof text, "%s%llu", blast->options.prefix, (unsigned long long)number);
    if (name_from_text(text, strlen(text), &blast->zone, owner))
        blast_stop("a name");
}

static void put_record(struct writer *writer, const struct name *owner, uint16_t class_, bool data,
                       uint32_t address)
{
    name_write(writer, owner);
    writer_u16(writer, TYPE_A);
    writer_u16(writer, class_);
    writer_u32(writer, data ? 300 : 0);
    writer_u16(writer, data ? 4 : 0);
    if (data)
        writer_u32(writer, address);
}

static void put_update(struct blast *blast, struct writer *writer, uint16_t id)
{
    uint64_t number = blast->options.first + blast->next;
    enum mode mode = blast->options.mode;
    struct header header = {.id = id, .flags = OPCODE_UPDATE << 11, .counts = {1, 0, 1, 0}};
    bool deletes = mode == MODE_DELETE;
    struct name owner;

    if (mode == MODE_CHURN) {
        uint64_t back = 2 * (uint64_t)blast->options.clients; /* nobody waits for it any more */
        deletes = number & 1 && blast->next > back;
        number -= deletes ? back + 1 : 0;
    }
    owner_of(blast, number, &owner);
    header.counts[SECTION_AUTHORITY] = mode == MODE_REPLACE ? 2 : 1;
    header_write(writer, &header);
    name_write(writer, &blast->zone);
    writer_u16(writer, TYPE_SOA);
    writer_u16(writer, CLASS_IN);
    if (deletes || mode == MODE_REPLACE)
        put_record(writer, &owner, CLASS_ANY, false, 0);
    if (!deletes)
        put_record(writer, &owner, CLASS_IN, true, (uint32_t)chance(blast));
}

static void transmit(struct client *client)
{
    client->sent = clock_monotonic_ns();
    if (send(client->descriptor, client->octets, client->length, 0) < 0 && errno != ECONNREFUSED &&
        errno != EAGAIN && errno != ENOBUFS)
        blast_stop("send");
}

static bool may_begin(const struct blast *blast)
{
    const struct options *options = &blast->options;
    double since = (double)(clock_monotonic_ns() - blast->begun) / 1e9;

    if (options->limit > 0 && (double)blast->next >= since * options->limit)
        return false;
    return options->updates ? blast->next < options->updates : since < options->seconds;
}

static bool is_over(const struct blast *blast)
{
    const struct options *options = &blast->options;

    return options->updates
               ? blast->next >= options->updates
               : (double)(clock_monotonic_ns() - blast->begun) / 1e9 >= options->seconds;
}

static void begin_update(struct blast *blast, struct client *client)
{
    struct writer writer = writer_over(client->octets, OCTETS);

    client->id = (uint16_t)chance(blast);
    put_update(blast, &writer, client->id);
    if (tsig_request(&blast->keyring, &blast->keyring.keys[0], &client->session, &writer,
                     clock_wall_seconds()))
        blast_stop("an update could not be made");
    blast->next++;
    client->length = writer.length;
    client->waits = true;
    client->begun = clock_monotonic_ns();
    transmit(client);
}

/* ---- what comes back ------------------------------------------------------------------------- */

static void keep_time(struct blast *blast, double milliseconds)
{
    if (blast->answered == blast->times_room) {
        size_t room = blast->times_room ? blast->times_room * 2 : 4096;
        double *times = reallocarray(blast->times, room, sizeof *times);
        if (!times)
            blast_stop("memory");
        blast->times = times;
        blast->times_room = room;
    }
    blast->times[blast->answered++] = milliseconds;
}

static void receive(struct blast *blast, struct client *client)
{
    uint8_t octets[4096];
    ssize_t length = recv(client->descriptor, octets, sizeof octets, MSG_DONTWAIT);

    if (length < MESSAGE_HEADER_OCTETS || !client->waits ||
        (octets[0] << 8 | octets[1]) != client->id)
        return;
    enum tsig_outcome outcome = tsig_check_answer(&blast->keyring, octets, (size_t)length,
                                                  clock_wall_seconds(), &client->session);
    blast->forged += outcome != TSIG_GOOD;
    blast->rcodes[octets[3] & 15]++;
    keep_time(blast, (double)(clock_monotonic_ns() - client->begun) / 1e6);
    client->waits = false;
}

static void look_after(struct blast *blast, struct client *client)
{
    uint64_t time = clock_monotonic_ns();

    if (!client->waits) {
        if (may_begin(blast))
            begin_update(blast, client);
    } else if (time - client->begun > (uint64_t)LONGEST_MS * 1000000) {
        blast->lost++;
        client->waits = false;
    } else if (time - client->sent > (uint64_t)blast->options.timeout_ms * 1000000) {
        blast->again++;
        transmit(client);
    }
}

/* ---- the run --------------------------------------------------------------------------------- */

static bool anybody_waits(const struct blast *blast)
{
    for (unsigned i = 0; i < blast->options.clients; i++) {
        if (blast->clients[i].waits)
            return true;
    }
    return false;
}

static void run(struct blast *blast)
{
    unsigned clients = blast->options.clients;
    uint64_t looked = blast->begun = clock_monotonic_ns();

    for (unsigned i = 0; i < clients; i++)
        look_after(blast, &blast->clients[i]);
    while (anybody_waits(blast) || !is_over(blast)) {
        int count = poll(blast->polled, clients, blast->options.limit > 0 ? 1 : 100);
        uint64_t time = clock_monotonic_ns();
        /* Who has an answer goes on at once; who has none is looked at now and then. */
        bool all = time - looked > 50000000 || blast->options.limit > 0;
        if (count < 0 && errno != EINTR)
            blast_stop("poll");
        for (unsigned i = 0; i < clients; i++) {
            bool ready = count > 0 && blast->polled[i].revents;
            if (ready)
                receive(blast, &blast->clients[i]);
            if (ready || all)
                look_after(blast, &blast->clients[i]);
        }
        if (all)
            looked = time;
    }
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static void print_tally(struct blast *blast)
{
    double seconds = (double)(clock_monotonic_ns() - blast->begun) / 1e9;
    uint64_t count = blast->answered;

    if (count)
        qsort(blast->times, count, sizeof(*blast->times), compare);
    printf(
        "{\"seconds\": %.3f, \"answered\": %llu, \"updates_per_second\": %.1f, \"p50_ms\": %.3f, "
        "\"p99_ms\": %.3f, \"largest_ms\": %.3f, \"sent_again\": %llu, \"lost\": %llu, "
        "\"forged\": %llu, \"rcodes\": {",
        seconds, (unsigned long long)count, (double)blast->rcodes[0] / seconds,
        count ? blast->times[count / 2] : 0.0, count ? blast->times[count * 99 / 100] : 0.0,
        count ? blast->times[count - 1] : 0.0, (unsigned long long)blast->again,
        (unsigned long long)blast->lost, (unsigned long long)blast->forged);
    const char *separator = "";
    for (unsigned i = 0; i < 16; i++) {
        if (blast->rcodes[i] == 0)
            continue;
        printf("%s\"%u\": %llu", separator, i, (unsigned long long)blast->rcodes[i]);
        separator = ", ";
    }
    printf("}}\n");
}

/* ---- beginning ------------------------------------------------------------------------------- */

static void read_names(struct blast *blast)
{
    FILE *file = fopen(blast->options.file, "re");
    char line[NAME_MAX_TEXT];
    size_t room = 0;

    if (!file)
        blast_stop(blast->options.file);
    while (fgets(line, sizeof line, file)) {
        size_t length = strcspn(line, " \n");
        if (blast->name_count == room) {
            room = room ? room * 2 : 1024;
            blast->names = reallocarray(blast->names, room, sizeof(*blast->names));
            if (!blast->names)
                blast_stop("memory");
        }
        if (name_from_text(line, length, &blast->zone, &blast->names[blast->name_count++]))
            blast_stop("a name of the file");
    }
    if (ferror(file) || blast->name_count == 0)
        blast_stop("the file has no names");
    (void)fclose(file);
}

static void open_clients(struct blast *blast)
{
    const struct options *options = &blast->options;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options->port)};

    blast->clients = calloc(options->clients, sizeof(*blast->clients));
    blast->polled = calloc(options->clients, sizeof(*blast->polled));
    if (!blast->clients || !blast->polled)
        blast_stop("memory");
    if (inet_pton(AF_INET, options->address, &address.sin_addr) != 1)
        blast_stop("-a takes an IPv4 address");
    for (unsigned i = 0; i < options->clients; i++) {
        int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
        if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&address, sizeof address))
            blast_stop("a socket");
        blast->clients[i].descriptor = descriptor;
        blast->polled[i] = (struct pollfd){.fd = descriptor, .events = POLLIN};
    }
}

static enum mode mode_named(const char *word)
{
    static const char *const words[MODES] = {"add", "delete", "churn", "replace"};

    for (enum mode mode = 0; mode < MODES; mode++) {
        if (strcmp(word, words[mode]) == 0)
            return mode;
    }
    blast_stop("-m takes add, delete, churn or replace");
    return MODES;
}

static void read_option(struct options *options, int letter, const char *value)
{
    switch (letter) {
    case 'a':
        options->address = value;
        break;
    case 'p':
        options->port = (unsigned)atoi(value);
        break;
    case 'z':
        options->zone = value;
        break;
    case 'k':
        options->key = value;
        break;
    case 'm':
        options->mode = mode_named(value);
        break;
    case 'f':
        options->file = value;
        break;
    case 'x':
        options->prefix = value;
        break;
    case 'o':
        options->first = strtoull(value, NULL, 10);
        break;
    case 'c':
        options->clients = (unsigned)atoi(value);
        break;
    case 'n':
        options->updates = strtoull(value, NULL, 10);
        break;
    case 's':
        options->seconds = atof(value);
        break;
    case 't':
        options->timeout_ms = (unsigned)atoi(value);
        break;
    case 'l':
        options->limit = atof(value);
        break;
    default:
        exit(2);
    }
}

int main(int count, char **arguments)
{
    static struct blast blast;
    struct options *options = &blast.options;
    int letter;

    *options = (struct options){
        .address = "127.0.0.1", .prefix = "u", .clients = 1, .timeout_ms = 2000, .seconds = 3};
    while ((letter = getopt(count, arguments, "a:p:z:k:m:f:x:o:c:n:s:t:l:")) != -1)
        read_option(options, letter, optarg);
    if (!options->zone || !options->key || options->port == 0 || options->port > 65535 ||
        options->clients == 0 || options->clients > MOST_CLIENTS || options->timeout_ms == 0 ||
        (options->mode == MODE_REPLACE) != (options->file != NULL))
        blast_stop("-p, -z and -k are needed, and -f for replace; see the head of the source");
    if (name_from_string(options->zone, &blast.zone))
        blast_stop("-z takes a domain name");
    blast_key(&blast.keyring, options->key);
    blast.chance = clock_monotonic_ns() | 1;
    if (options->file)
        read_names(&blast);
    open_clients(&blast);
    run(&blast);
    print_tally(&blast);
    tsig_keyring_close(&blast.keyring);
    return 0;
}
