// What comes in: a fault ends its stream, never more.
#include "protocol/mux/impl.h"
#include "protocol/wire/frame.h"

namespace rdev::mux {
namespace {

constexpr std::uint32_t kLastRefusal =
    static_cast<std::uint32_t>(stream::Refusal::kResourceShortage);

constexpr std::size_t kMostUnfinished = 64;
constexpr std::size_t kMostConsumers = 1024;

// The limits of OPEN and ACCEPT; nothing when the frame is too short.
bool take_limits(std::string_view& payload, std::uint64_t (&limits)[kLanes]) {
  for (std::uint64_t& limit : limits) {
    const auto value = wire::take_u64(payload);
    if (!value) {
      return false;
    }
    limit = *value;
  }
  return true;
}

InLane::End end_of(std::uint8_t flags) {
  if ((flags & wire::kFin) == 0) {
    return InLane::End::kNone;
  }
  return (flags & wire::kBroken) != 0 ? InLane::End::kBroken : InLane::End::kEnd;
}

void raise_limits(StreamState& stream, const std::uint64_t (&limits)[kLanes]) {
  for (const Lane lane : kEveryLane) {
    stream.outgoing(lane).raise_limit(limits[static_cast<std::size_t>(lane)]);
  }
}

// Frames that are counted, since they must arrive once.
bool is_counted(wire::Type type) {
  return type == wire::Type::kOpen || type == wire::Type::kAccept || type == wire::Type::kRefuse ||
         type == wire::Type::kReset;
}

}  // namespace

Result<void> Mux::receive(const wire::Frame& frame) { return impl_->receive(frame); }

Result<void> Mux::Impl::receive(const wire::Frame& frame) {
  const std::uint32_t consumer = consumer_of(frame.header.stream);
  const bool agent = options.side == Side::kAgent;
  switch (frame.header.type) {
    case wire::Type::kDetach:
    case wire::Type::kResume:
      if (!agent) {
        return fail(Code::kProtocol, "DETACH or RESUME from an agent");
      }
      if (frame.header.type == wire::Type::kResume) {
        return on_resume(consumer, frame);
      }
      detach(consumer);
      return {};
    default:
      break;
  }
  const auto path = path_of(frame);
  if (!path) {
    return tl::make_unexpected(path.error());
  }
  if (*path == nullptr) {
    return {};
  }
  if (frame.header.type == wire::Type::kResumed) {
    return agent ? fail(Code::kProtocol, "RESUMED from a consumer") : on_resumed(**path, frame);
  }
  return (*path)->up() ? receive(**path, frame) : Result<void>();
}

// nullptr: a consumer that is not known (any more).
Result<Path*> Mux::Impl::path_of(const wire::Frame& frame) {
  const std::uint32_t consumer = consumer_of(frame.header.stream);
  Path* const path = find_path(consumer);
  if (path != nullptr || frame.header.type != wire::Type::kOpen || options.side != Side::kAgent ||
      consumer == 0) {
    return path;
  }
  if (paths.size() >= kMostConsumers) {
    return fail(Code::kLimit, "too many processes use the link");
  }
  return &paths.try_emplace(consumer, consumer).first->second;
}

Result<void> Mux::Impl::receive(Path& path, const wire::Frame& frame) {
  const StreamId id = frame.header.stream;
  path.heard = true;
  if (path.held() > 2 * options.streams + 128) {
    return fail(Code::kLimit, "the peer makes faults and does not take the answers");
  }
  if (is_counted(frame.header.type)) {
    path.count_in();
    schedule(path);
  }
  if (frame.header.type == wire::Type::kOpen) {
    on_open(path, frame);
    return {};
  }
  if (frame.header.type == wire::Type::kAcknowledge) {
    std::string_view payload = frame.payload;
    const auto count = wire::take_u64(payload);
    return count ? path.acknowledge(*count) : fail(Code::kProtocol, "a malformed ACKNOWLEDGE");
  }
  StreamState* const stream = find(id);
  if (stream == nullptr) {
    if (frame.header.type == wire::Type::kReset) {
      unfinished.erase(id);
    }
    return {};
  }
  switch (frame.header.type) {
    case wire::Type::kAccept:
      on_accept(*stream, frame.payload);
      break;
    case wire::Type::kRefuse:
      on_refuse(*stream, frame.payload);
      break;
    case wire::Type::kData:
      on_data(*stream, frame);
      break;
    case wire::Type::kCredit:
      on_credit(*stream, frame);
      break;
    case wire::Type::kReset: {
      std::string_view why = frame.payload;
      wire::take_u32(why);
      end(*stream, wire::sentence(why));
      break;
    }
    default:
      break;
  }
  return {};
}

void Mux::Impl::on_open(Path& path, const wire::Frame& frame) {
  const StreamId id = frame.header.stream;
  const auto begun = unfinished.find(id);
  const bool more = (frame.header.flags & wire::kMore) != 0;
  if (begun == unfinished.end() && !more) {
    return on_whole_open(path, id, frame.payload);
  }
  if (begun == unfinished.end() && unfinished.size() >= kMostUnfinished) {
    return send_refusal(path, id, stream::Refusal::kResourceShortage,
                        "too many long requests at once");
  }
  std::string& payload = begun == unfinished.end() ? unfinished[id] : begun->second;
  payload.append(frame.payload);
  if (payload.size() > kLargestRequest + wire::kMaxPayload) {
    unfinished.erase(id);
    return send_refusal(path, id, stream::Refusal::kResourceShortage, "the request is too long");
  }
  if (!more) {
    const std::string whole = std::move(payload);
    unfinished.erase(id);
    on_whole_open(path, id, whole);
  }
}

void Mux::Impl::on_whole_open(Path& path, StreamId id, std::string_view payload) {
  if (StreamState* const known = find(id)) {
    return fault(*known, "a stream was opened twice");
  }
  const bool by_agent = (id & kAgentOpened) != 0;
  const auto parent = wire::take_u64(payload);
  std::uint64_t limits[kLanes];
  if (!parent || !take_limits(payload, limits)) {
    return send_refusal(path, id, stream::Refusal::kProhibited, "a malformed request");
  }
  if (by_agent != (options.side == Side::kClient)) {
    return send_refusal(path, id, stream::Refusal::kProhibited,
                        "not a stream id for you to choose");
  }
  if ((*parent != 0 || by_agent) && (consumer_of(*parent) != consumer_of(id) || !lives(*parent))) {
    return send_refusal(path, id, stream::Refusal::kProhibited, "the stream above it is over");
  }
  if (streams.size() >= options.streams) {
    return send_refusal(path, id, stream::Refusal::kResourceShortage,
                        "too many streams at once, at most " + std::to_string(options.streams));
  }
  StreamState& stream = add(id, path, Phase::kOffered);
  raise_limits(stream, limits);
  event(stream, {.kind = Event::Kind::kOpened, .parent = *parent, .text = std::string(payload)});
}

void Mux::Impl::on_accept(StreamState& stream, std::string_view payload) {
  std::uint64_t limits[kLanes];
  if (stream.phase != Phase::kAsked) {
    return fault(stream, "an answer to no question");
  }
  if (!take_limits(payload, limits)) {
    return fault(stream, "a malformed answer");
  }
  stream.phase = Phase::kOpen;
  raise_limits(stream, limits);
  schedule(stream);
  event(stream, {.kind = Event::Kind::kAccepted, .text = std::string(payload)});
}

void Mux::Impl::on_refuse(StreamState& stream, std::string_view payload) {
  const auto reason = wire::take_u32(payload);
  if (stream.phase != Phase::kAsked || !reason) {
    return fault(stream, "an answer to no question");
  }
  const bool known = *reason > 0 && *reason <= kLastRefusal;
  event(stream,
        {.kind = Event::Kind::kRefused,
         .refusal = known ? static_cast<stream::Refusal>(*reason) : stream::Refusal::kProhibited,
         .text = wire::sentence(payload)});
  stream.path.unsend(stream.id);
  schedule(stream.path);
  forget(stream);
}

void Mux::Impl::on_data(StreamState& stream, const wire::Frame& frame) {
  std::string_view bytes = frame.payload;
  const auto offset = wire::take_u64(bytes);
  if (!offset || frame.header.lane >= kLanes || stream.phase != Phase::kOpen) {
    return fault(stream, "bytes out of place");
  }
  const Lane lane = kEveryLane[frame.header.lane];
  const InLane::End end = end_of(frame.header.flags);
  if (end != InLane::End::kNone && lane == Lane::kControl &&
      !(stream.incoming(Lane::kData).ended() && stream.incoming(Lane::kStderr).ended())) {
    return fault(stream, "closed before its lanes have ended");
  }
  const auto news = stream.incoming(lane).data(*offset, bytes, end);
  if (!news) {
    return fault(stream, news.error().message);
  }
  InLane& incoming = stream.incoming(lane);
  if ((frame.header.flags & wire::kFull) != 0) {
    incoming.full();
  }
  if ((frame.header.flags & wire::kBehind) != 0) {
    incoming.fell_behind();
  } else if ((frame.header.flags & wire::kStarved) != 0) {
    incoming.starved();
  }
  if ((frame.header.flags & (wire::kFull | wire::kStarved)) != 0 && incoming.credit_due()) {
    tell_credit(stream, lane);
  }
  if (!*news) {
    return;
  }
  event(stream, {.kind = Event::Kind::kReadable, .lane = lane});
  if (stream.closed && stream.incoming(lane).credit_due()) {
    tell_credit(stream, lane);
  }
  if (end != InLane::End::kNone && lane == Lane::kControl) {
    on_close(stream);
  }
}

void Mux::Impl::on_close(StreamState& stream) {
  if (stream.close_sent()) {
    return forget(stream);
  }
  for (const Lane lane : kEveryLane) {
    stream.outgoing(lane).discard();
    if (stream.outgoing(lane).take_writable()) {
      event(stream, {.kind = Event::Kind::kWritable, .lane = lane});
    }
  }
  schedule(stream);
}

void Mux::Impl::on_credit(StreamState& stream, const wire::Frame& frame) {
  std::string_view payload = frame.payload;
  const auto consumed = wire::take_u64(payload);
  const auto limit = wire::take_u64(payload);
  if (!limit || frame.header.lane >= kLanes || stream.phase != Phase::kOpen) {
    return fault(stream, "credit out of place");
  }
  const Lane lane = kEveryLane[frame.header.lane];
  if (const auto credited = stream.outgoing(lane).credit(*consumed, *limit); !credited) {
    return fault(stream, credited.error().message);
  }
  if (stream.outgoing(lane).take_writable()) {
    event(stream, {.kind = Event::Kind::kWritable, .lane = lane});
  }
  schedule(stream);
}

}  // namespace rdev::mux
