/* A load target: answers SNMPv2c GET, GETNEXT and GETBULK as a router of its own on every local address.
 *
 *     responder PORT DELAY_MS LOSS_PERCENT
 *
 * Each router has 48 interfaces in IF-MIB (RFC 2863). Whoever polls it can be held to the octet: every value of a
 * reply is of the instant its sysUpTime names, and ifHCInOctets and ifHCOutOctets of interface n (1 to 48) grow by
 * 1000 n + 1 and 500 n + 2 octets per hundredth of a second. Replies leave DELAY_MS after their requests came, and
 * LOSS_PERCENT of the requests are never answered. Any community will do.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
    INTERFACES = 48,
    FIRST_INDEX = 501,      /* two octets in an OID, as on most large routers */
    MAX_MESSAGE = 1472,     /* one Ethernet frame */
    MAX_VARBIND = 96,
    MAX_ASKED = 256,
    MAX_OBJECTS = 2048,
    BATCH = 64,
    DELAYED = 1 << 16,
    RECEIVE_BUFFER = 64 << 20,
};

enum { INTEGER = 0x02, OCTETS = 0x04, OID = 0x06, SEQUENCE = 0x30 };
enum { COUNTER32 = 0x41, GAUGE32 = 0x42, TICKS = 0x43, COUNTER64 = 0x46 };
enum { NO_SUCH_INSTANCE = 0x81, END_OF_VIEW = 0x82 };
enum { GET = 0xa0, GET_NEXT = 0xa1, RESPONSE = 0xa2, GET_BULK = 0xa5 };
enum { TOO_BIG = 1 };

struct name {
    uint8_t octets[24];
    int length;
};

struct object {
    struct name name;
    uint8_t tag;
    char text[40];
    uint64_t base, per_tick;
};

static struct object objects[MAX_OBJECTS];
static int object_count;

/* --- what there is to read -------------------------------------------------------------------------------- */

static struct name encode_name(const uint32_t *arcs, int count)
{
    struct name name = {.octets = {arcs[0] * 40 + arcs[1]}, .length = 1};
    for (int i = 2; i < count; i++) {
        int groups = 1;
        while (arcs[i] >> (7 * groups))
            groups++;
        while (groups--)
            name.octets[name.length++] = (arcs[i] >> (7 * groups) & 0x7f) | (groups ? 0x80 : 0);
    }
    return name;
}

static int compare_names(const struct name *a, const struct name *b)
{
    int order = memcmp(a->octets, b->octets, a->length < b->length ? a->length : b->length);
    return order ? order : a->length - b->length;
}

static int compare_objects(const void *a, const void *b)
{
    return compare_names(&((const struct object *)a)->name, &((const struct object *)b)->name);
}

static struct object *add(const uint32_t *arcs, int count, uint8_t tag, uint64_t base, uint64_t per_tick)
{
    struct object *object = &objects[object_count++];
    *object = (struct object){encode_name(arcs, count), tag, "", base, per_tick};
    return object;
}

static void add_system(void)
{
    static const char *const texts[] = {[1] = "Load target", [4] = "nobody", [5] = "bench", [6] = "loopback"};
    for (uint32_t column = 1; column <= 6; column++) {
        uint32_t arcs[] = {1, 3, 6, 1, 2, 1, 1, column, 0};
        if (column == 2)
            memcpy(add(arcs, 9, OID, 0, 0)->text, "\x2b\x06\x01\x04\x01", 5);
        else if (column == 3)
            add(arcs, 9, TICKS, 0, 1);
        else
            strcpy(add(arcs, 9, OCTETS, 0, 0)->text, texts[column]);
    }
}

static void add_interface(uint32_t n)
{
    static const struct { uint8_t column, tag; uint32_t base; } table[] = {
        {1, INTEGER, 0}, {3, INTEGER, 6}, {4, INTEGER, 9192}, {5, GAUGE32, 4294967295u}, {7, INTEGER, 1},
        {8, INTEGER, 1}, {10, COUNTER32, 7}, {13, COUNTER32, 130}, {14, COUNTER32, 140}, {16, COUNTER32, 8},
        {19, COUNTER32, 190}, {20, COUNTER32, 200},
    };
    uint32_t index = FIRST_INDEX + n - 1;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint32_t arcs[] = {1, 3, 6, 1, 2, 1, 2, 2, 1, table[i].column, index};
        add(arcs, 11, table[i].tag, table[i].column == 1 ? index : table[i].base, 0);
    }
    uint32_t descr[] = {1, 3, 6, 1, 2, 1, 2, 2, 1, 2, index}, mac[] = {1, 3, 6, 1, 2, 1, 2, 2, 1, 6, index};
    sprintf(add(descr, 11, OCTETS, 0, 0)->text, "xe-0/0/%u", n);
    sprintf(add(mac, 11, OCTETS, 0, 0)->text, "port%02u", n);

    uint32_t arcs[] = {1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 0, index};
    uint64_t base = (1ull << 48) + ((uint64_t)n << 40);
    arcs[10] = 1, sprintf(add(arcs, 12, OCTETS, 0, 0)->text, "xe-0/0/%u", n);
    arcs[10] = 6, add(arcs, 12, COUNTER64, base, 1000 * n + 1);
    arcs[10] = 10, add(arcs, 12, COUNTER64, base, 500 * n + 2);
    arcs[10] = 15, add(arcs, 12, GAUGE32, 10000, 0);
    arcs[10] = 18, sprintf(add(arcs, 12, OCTETS, 0, 0)->text, "customer circuit %u", 1000 + n);
    arcs[10] = 19, add(arcs, 12, TICKS, 0, 0);
}

/* The first object not before `name`, or after it if `past`; object_count if there is none. */
static int find(const struct name *name, int past)
{
    int low = 0, high = object_count;
    while (low < high) {
        int middle = (low + high) / 2;
        int order = compare_names(&objects[middle].name, name);
        if (order < 0 || (past && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* --- BER -------------------------------------------------------------------------------------------------- */

struct reader {
    const uint8_t *at, *end;
};

/* Enters the next element: its contents; `end` is NULL if there is none with that tag (0: any), whole. */
static struct reader take(struct reader *from, uint8_t *tag, uint8_t wanted)
{
    static const struct reader nothing;
    const uint8_t *at = from->at;
    if (!from->end || from->end - at < 2 || (wanted && *at != wanted))
        return nothing;
    *tag = *at++;
    size_t length = *at++;
    if (length & 0x80) {
        int octets = length & 0x7f;
        if (octets > 2 || from->end - at < octets)
            return nothing;
        for (length = 0; octets--; )
            length = length << 8 | *at++;
    }
    if ((size_t)(from->end - at) < length)
        return nothing;
    from->at = at + length;
    return (struct reader){at, at + length};
}

static int number(struct reader contents)
{
    int value = 0;
    while (contents.at < contents.end)
        value = value << 8 | *contents.at++;
    return value;
}

static int put_integer(uint8_t *to, uint64_t value)
{
    int octets = 1;
    while (octets < 9 && value >> (8 * octets - 1))
        octets++;
    for (int i = 0; i < octets; i++)
        to[i] = octets - 1 - i == 8 ? 0 : value >> (8 * (octets - 1 - i));
    return octets;
}

/* Two octets of length always: what is inside can then be written first. */
static uint8_t *put_header(uint8_t *to, uint8_t tag, int length)
{
    to[0] = tag, to[1] = 0x82, to[2] = length >> 8, to[3] = length;
    return to + 4;
}

/* One varbind: an object at `ticks` on the router with that salt, or without one `name` and an exception. */
static int put_varbind(uint8_t *to, const struct object *object, const struct name *name, uint8_t exception,
                       uint64_t ticks, uint64_t salt)
{
    if (object)
        name = &object->name;
    uint8_t *value = to + 4 + name->length;
    int length = 0;
    if (object && (object->tag == OCTETS || object->tag == OID)) {
        length = strlen(object->text);
        memcpy(value + 2, object->text, length);
    } else if (object) {
        uint64_t drift = object->tag == COUNTER64 ? salt : 0;
        length = put_integer(value + 2, object->base + object->per_tick * ticks + drift);
    }
    value[0] = object ? object->tag : exception;
    value[1] = length;
    to[0] = SEQUENCE, to[1] = 4 + name->length + length, to[2] = OID, to[3] = name->length;
    memcpy(to + 4, name->octets, name->length);
    return 6 + name->length + length;
}

/* --- messages --------------------------------------------------------------------------------------------- */

struct request {
    struct reader community, id;
    uint8_t kind;
    int second, third;      /* non-repeaters and max-repetitions of a GETBULK */
    struct name asked[MAX_ASKED];
    int count;
};

static int parse(const uint8_t *data, int length, struct request *request)
{
    uint8_t tag;
    struct reader whole = {data, data + length}, message = take(&whole, &tag, SEQUENCE);
    struct reader version = take(&message, &tag, INTEGER);
    if (!version.end || number(version) != 1)
        return 0;
    request->community = take(&message, &tag, OCTETS);
    struct reader pdu = take(&message, &request->kind, 0);
    request->id = take(&pdu, &tag, INTEGER);
    request->second = number(take(&pdu, &tag, INTEGER));
    request->third = number(take(&pdu, &tag, INTEGER));
    struct reader list = take(&pdu, &tag, SEQUENCE);
    if (!list.end || request->community.end - request->community.at > 100 || request->id.end - request->id.at > 4)
        return 0;
    for (request->count = 0; list.at < list.end && request->count < MAX_ASKED; request->count++) {
        struct reader varbind = take(&list, &tag, SEQUENCE), name = take(&varbind, &tag, OID);
        struct name *asked = &request->asked[request->count];
        if (!name.end || name.end - name.at > (int)sizeof asked->octets)
            return 0;
        asked->length = name.end - name.at;
        memcpy(asked->octets, name.at, asked->length);
    }
    return request->kind == GET || request->kind == GET_NEXT || request->kind == GET_BULK;
}

/* The varbinds that answer a GET or GETNEXT, as many octets as are written; -1: too big. */
static int answer_each(const struct request *request, uint8_t *to, int room, uint64_t ticks, uint64_t salt)
{
    int length = 0, next = request->kind == GET_NEXT;
    for (int i = 0; i < request->count; i++) {
        const struct name *name = &request->asked[i];
        int at = find(name, next);
        int found = at < object_count && (next || !compare_names(&objects[at].name, name));
        if (length > room)
            return -1;
        length += put_varbind(to + length, found ? &objects[at] : NULL, name, next ? END_OF_VIEW : NO_SUCH_INSTANCE,
                              ticks, salt);
    }
    return length > room ? -1 : length;
}

/* RFC 3416 section 4.2.3, cut short where the message is full. */
static int answer_bulk(const struct request *request, uint8_t *to, int room, uint64_t ticks, uint64_t salt)
{
    int at[MAX_ASKED], length = 0, first = request->second < request->count ? request->second : request->count;
    for (int i = 0; i < request->count; i++)
        at[i] = find(&request->asked[i], 1);
    for (int row = 0; row == 0 || row < request->third; row++) {
        for (int i = row ? first : 0; i < (row || request->third ? request->count : first); i++) {
            const struct name *last = row ? &objects[object_count - 1].name : &request->asked[i];
            int size = put_varbind(to + length, at[i] < object_count ? &objects[at[i]] : NULL, last, END_OF_VIEW,
                                   ticks, salt);
            if (length + size > room)
                return length;
            length += size;
            at[i] += at[i] < object_count;
        }
    }
    return length;
}

/* Writes the reply to a datagram; its length, 0 for none. */
static int answer(const uint8_t *data, int length, uint8_t *to, uint64_t ticks, uint64_t salt)
{
    static struct request request;
    static uint8_t varbinds[MAX_MESSAGE + 2 * MAX_VARBIND];
    if (!parse(data, length, &request))
        return 0;
    int community = request.community.end - request.community.at, id = request.id.end - request.id.at;
    int room = MAX_MESSAGE - community - id - 32;
    int size = (request.kind == GET_BULK ? answer_bulk : answer_each)(&request, varbinds, room, ticks, salt);
    int status = size < 0 ? TOO_BIG : 0;
    size = size < 0 ? 0 : size;
    int pdu = 2 + id + 6 + 4 + size;
    uint8_t *at = put_header(to, SEQUENCE, 3 + 2 + community + 4 + pdu);
    at[0] = INTEGER, at[1] = 1, at[2] = 1, at[3] = OCTETS, at[4] = community;
    memcpy(at + 5, request.community.at, community);
    at = put_header(at + 5 + community, RESPONSE, pdu);
    at[0] = INTEGER, at[1] = id;
    memcpy(at + 2, request.id.at, id);
    at += 2 + id;
    at[0] = INTEGER, at[1] = 1, at[2] = status, at[3] = INTEGER, at[4] = 1, at[5] = 0;
    at = put_header(at + 6, SEQUENCE, size);
    memcpy(at, varbinds, size);
    return at + size - to;
}

/* --- the network ------------------------------------------------------------------------------------------ */

struct datagram {
    struct sockaddr_in peer;
    struct in_addr here;    /* the address it came to, and its reply leaves from */
    uint64_t due_ns;
    int length;
    uint8_t data[MAX_MESSAGE + 64];
};

struct batch {
    struct mmsghdr headers[BATCH];
    struct iovec parts[BATCH];
    char controls[BATCH][CMSG_SPACE(sizeof(struct in_pktinfo))];
};

static struct datagram delayed[DELAYED];
static unsigned first_delayed, past_delayed;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void attach(struct batch *batch, int i, struct datagram *datagram, int length)
{
    batch->parts[i] = (struct iovec){datagram->data, length};
    batch->headers[i].msg_hdr = (struct msghdr){
        &datagram->peer, sizeof datagram->peer, &batch->parts[i], 1, batch->controls[i], sizeof batch->controls[i], 0};
}

static int receive(int socket, struct datagram *datagrams)
{
    static struct batch batch;
    for (int i = 0; i < BATCH; i++)
        attach(&batch, i, &datagrams[i], sizeof datagrams[i].data);
    int count = recvmmsg(socket, batch.headers, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
        datagrams[i].length = batch.headers[i].msg_len;
        struct cmsghdr *control = CMSG_FIRSTHDR(&batch.headers[i].msg_hdr);
        datagrams[i].here = ((struct in_pktinfo *)CMSG_DATA(control))->ipi_addr;
    }
    return count;
}

static void send_all(int socket, struct datagram **datagrams, int count)
{
    static struct batch batch;
    for (int i = 0; i < count; i++) {
        attach(&batch, i, datagrams[i], datagrams[i]->length);
        struct cmsghdr *control = CMSG_FIRSTHDR(&batch.headers[i].msg_hdr);
        *control = (struct cmsghdr){CMSG_LEN(sizeof(struct in_pktinfo)), IPPROTO_IP, IP_PKTINFO};
        struct in_pktinfo from = {.ipi_spec_dst = datagrams[i]->here};
        memcpy(CMSG_DATA(control), &from, sizeof from);
    }
    for (int sent = 0; sent < count; ) {
        int more = sendmmsg(socket, batch.headers + sent, count - sent, 0);
        if (more > 0)
            sent += more;
        else if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR)
            sent++;
    }
}

static void send_due(int socket, uint64_t now)
{
    while (first_delayed != past_delayed && delayed[first_delayed % DELAYED].due_ns <= now) {
        struct datagram *due[BATCH];
        int count = 0;
        while (count < BATCH && first_delayed != past_delayed && delayed[first_delayed % DELAYED].due_ns <= now)
            due[count++] = &delayed[first_delayed++ % DELAYED];
        send_all(socket, due, count);
    }
}

static void wait_for_work(int socket)
{
    struct pollfd readable = {socket, POLLIN, 0};
    struct timespec patience = {1, 0};
    if (first_delayed != past_delayed) {
        uint64_t now = now_ns(), due = delayed[first_delayed % DELAYED].due_ns;
        patience = (struct timespec){0, due > now ? (due - now) % 1000000000 : 0};
    }
    ppoll(&readable, 1, &patience, NULL);
}

static int open_socket(int port)
{
    int opened = socket(AF_INET, SOCK_DGRAM, 0), yes = 1, octets = RECEIVE_BUFFER;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port)};
    setsockopt(opened, IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes);
    setsockopt(opened, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets);
    setsockopt(opened, SOL_SOCKET, SO_SNDBUFFORCE, &octets, sizeof octets);
    if (bind(opened, (struct sockaddr *)&here, sizeof here)) {
        perror("bind");
        exit(1);
    }
    return opened;
}

int main(int count, char **arguments)
{
    if (count != 4) {
        fprintf(stderr, "usage: responder PORT DELAY_MS LOSS_PERCENT\n");
        return 2;
    }
    uint64_t delay_ns = atof(arguments[2]) * 1e6, began_ns = now_ns();
    double loss = atof(arguments[3]) / 100;
    add_system();
    for (uint32_t n = 1; n <= INTERFACES; n++)
        add_interface(n);
    qsort(objects, object_count, sizeof *objects, compare_objects);
    int socket = open_socket(atoi(arguments[1]));
    static struct datagram requests[BATCH], replies[BATCH];
    for (;;) {
        wait_for_work(socket);
        int received = receive(socket, requests), ready = 0;
        uint64_t now = now_ns(), ticks = 100000 + (now - began_ns) / 10000000;
        struct datagram *out[BATCH];
        for (int i = 0; i < received; i++) {
            int full = past_delayed - first_delayed == DELAYED;
            if ((loss > 0 && drand48() < loss) || (delay_ns && full))
                continue;
            struct datagram *reply = delay_ns ? &delayed[past_delayed % DELAYED] : &replies[ready];
            uint64_t salt = (uint64_t)(ntohl(requests[i].here.s_addr) & 0xffffff) << 16;
            reply->length = answer(requests[i].data, requests[i].length, reply->data, ticks, salt);
            reply->peer = requests[i].peer, reply->here = requests[i].here, reply->due_ns = now + delay_ns;
            if (reply->length && delay_ns)
                past_delayed++;
            else if (reply->length)
                out[ready++] = reply;
        }
        send_all(socket, out, ready);
        send_due(socket, now_ns());
    }
}
