// How streams go on over a new connection: both sides say how far they are, PROTOCOL.md section 4.
#include <utility>
#include <vector>

#include "protocol/mux/impl.h"
#include "protocol/wire/frame.h"

namespace rdev::mux {

void Mux::suspend() {
  for (auto& [consumer, path] : impl_->paths) {
    impl_->suspend(path);
  }
}

void Mux::resume() {
  Path& path = impl_->paths.begin()->second;
  impl_->suspend(path);
  path.state = Path::State::kAsked;
  path.attempt = ++impl_->attempts;
  path.resuming = resume_frames(wire::Type::kResume, path.consumer, impl_->point_of(path));
  impl_->schedule(path);
}

std::vector<std::uint32_t> Mux::consumers() const {
  std::vector<std::uint32_t> all;
  all.reserve(impl_->paths.size());
  for (const auto& [consumer, path] : impl_->paths) {
    all.push_back(consumer);
  }
  return all;
}

void Mux::Impl::suspend(Path& path) {
  path.state = Path::State::kDown;
  path.resuming.clear();
  path.collector.clear();
  schedule(path);
  for (auto& [id, stream] : streams) {
    if (&stream.path == &path) {
      schedule(stream);
    }
  }
}

ResumePoint Mux::Impl::point_of(Path& path) {
  ResumePoint point{
      .attempt = path.attempt, .known = path.heard, .received = path.received(), .streams = {}};
  for (auto& [id, stream] : streams) {
    if (&stream.path != &path) {
      continue;
    }
    StreamPoint& mine = point.streams.emplace_back();
    mine.id = id;
    for (const Lane lane : kEveryLane) {
      InLane& incoming = stream.incoming(lane);
      // Who has not heard of the stream yet hears the limits of its OPEN.
      const InLane::Credit credit = stream.phase == StreamState::Phase::kAsked
                                        ? InLane::Credit{.limit = incoming.limit()}
                                        : incoming.take_credit();
      mine.lanes[static_cast<std::size_t>(lane)] = {.received = incoming.received(),
                                                    .consumed = credit.consumed,
                                                    .limit = credit.limit,
                                                    .ended = incoming.ended()};
    }
    stream.credit = 0;  // it is told
    schedule(stream);
  }
  return point;
}

Result<void> Mux::Impl::on_resume(std::uint32_t consumer, const wire::Frame& frame) {
  Path* path = find_path(consumer);
  if (path == nullptr) {
    const auto made = path_of(
        {.header = {.type = wire::Type::kOpen, .stream = frame.header.stream}, .payload = {}});
    if (!made || *made == nullptr) {
      return made ? Result<void>() : tl::make_unexpected(made.error());
    }
    path = *made;
    path->state = Path::State::kDown;
  }
  const auto point = path->collector.take(frame);
  if (!point) {
    return tl::make_unexpected(point.error());
  }
  if (!*point) {
    return {};
  }
  if ((*point)->known && !path->heard) {  // it was another agent that it heard of
    detach(consumer);
    path = &paths.try_emplace(consumer, consumer).first->second;
    path->state = Path::State::kDown;
    path->resuming = resume_frames(wire::Type::kResumed, consumer, {.attempt = (*point)->attempt});
    schedule(*path);
    return {};
  }
  suspend(*path);
  if (auto gone_on = go_on(*path, **point); !gone_on) {
    return gone_on;
  }
  ResumePoint mine = point_of(*path);
  mine.attempt = (*point)->attempt;
  mine.known = true;
  path->resuming = resume_frames(wire::Type::kResumed, consumer, mine);
  path->heard = true;
  schedule(*path);
  return {};
}

Result<void> Mux::Impl::on_resumed(Path& path, const wire::Frame& frame) {
  const auto point = path.collector.take(frame);
  if (!point) {
    return tl::make_unexpected(point.error());
  }
  if (!*point || path.state != Path::State::kAsked || (*point)->attempt != path.attempt) {
    return {};  // of an older connection
  }
  if (!(*point)->known) {
    return fail(Code::kNotFound,
                "the agent does not know this session any more: it was started anew");
  }
  path.heard = true;
  return go_on(path, **point);
}

Result<void> Mux::Impl::go_on(Path& path, const ResumePoint& peer) {
  if (auto rewound = path.rewind(peer.received); !rewound) {
    return rewound;
  }
  std::unordered_map<StreamId, const StreamPoint*> theirs;
  for (const StreamPoint& point : peer.streams) {
    theirs[point.id] = &point;
  }
  std::vector<StreamId> mine;
  for (const auto& [id, stream] : streams) {
    if (&stream.path == &path) {
      mine.push_back(id);
    }
  }
  path.state = Path::State::kUp;
  for (const StreamId id : mine) {
    const auto found = theirs.find(id);
    if (found != theirs.end()) {
      go_on(*find(id), *found->second);
    } else if (find(id)->close_sent()) {
      forget(*find(id));  // the peer has had our close and has sent its own, which was lost
    }
    // Else the peer has not heard of it, or its REFUSE or RESET follows.
  }
  schedule(path);
  return {};
}

void Mux::Impl::go_on(StreamState& stream, const StreamPoint& peer) {
  for (const Lane lane : kEveryLane) {
    OutLane& outgoing = stream.outgoing(lane);
    if (auto resumed = outgoing.resume(peer.lanes[static_cast<std::size_t>(lane)]); !resumed) {
      return fault(stream, resumed.error().message);
    }
    if (outgoing.take_writable()) {
      event(stream, {.kind = Event::Kind::kWritable, .lane = lane});
    }
  }
  schedule(stream);
}

}  // namespace rdev::mux
