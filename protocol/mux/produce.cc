// What goes out, and in which order.
#include "protocol/mux/impl.h"
#include "protocol/wire/frame.h"

namespace rdev::mux {

bool Mux::has_output() const {
  return !impl_->talking.empty() || !impl_->crediting.empty() || !impl_->data.empty();
}

void Mux::produce(std::string& out, std::size_t enough) {
  while (out.size() < enough) {
    if (!impl_->talking.empty()) {
      impl_->produce_path(out, impl_->talking.front());
    } else if (!impl_->crediting.empty()) {
      impl_->produce_credit(out, impl_->crediting.front());
    } else if (!impl_->data.empty()) {
      impl_->produce_data(out, impl_->data.next(), enough - out.size());
    } else {
      return;
    }
  }
}

void Mux::Impl::schedule(StreamState& stream) {
  data.set(stream, stream.path.up() && stream.sendable());
  const bool telling = stream.path.up() && stream.credit != 0;
  if (telling && !stream.credit_turn.is_linked()) {
    crediting.push_back(stream);
  } else if (!telling) {
    stream.credit_turn.unlink();
  }
}

void Mux::Impl::schedule(Path& path) {
  if (!path.has_output()) {
    path.turn.unlink();
  } else if (!path.turn.is_linked()) {
    talking.push_back(path);
  }
}

void Mux::Impl::tell_credit(StreamState& stream, Lane lane) {
  if (!stream.close_sent()) {  // else the peer has dropped, or soon drops, what it sent
    stream.credit |= static_cast<std::uint8_t>(1U << static_cast<unsigned>(lane));
    schedule(stream);
  }
}

// One frame, so that a turn is never more than asked for by more than that.
void Mux::Impl::produce_path(std::string& out, Path& path) {
  path.produce(out);
  path.turn.unlink();
  schedule(path);
}

// One frame.
void Mux::Impl::produce_credit(std::string& out, StreamState& stream) {
  for (const Lane lane : kEveryLane) {
    const auto bit = static_cast<std::uint8_t>(1U << static_cast<unsigned>(lane));
    if ((stream.credit & bit) == 0) {
      continue;
    }
    stream.credit &= static_cast<std::uint8_t>(~bit);
    const InLane::Credit credit = stream.incoming(lane).take_credit();
    wire::append_header(
        out,
        {.type = wire::Type::kCredit, .lane = static_cast<std::uint8_t>(lane), .stream = stream.id},
        2 * sizeof(std::uint64_t));
    wire::append_u64(out, credit.consumed);
    wire::append_u64(out, credit.limit);
    break;
  }
  stream.credit_turn.unlink();
  schedule(stream);
}

void Mux::Impl::produce_data(std::string& out, StreamState& stream, std::size_t most) {
  const std::size_t before = out.size();
  for (;;) {
    const Lane lane = kEveryLane[stream.next_lane];
    stream.next_lane = static_cast<std::uint8_t>((stream.next_lane + 1U) % kLanes);
    if (stream.sendable(lane)) {
      stream.outgoing(lane).produce(out, stream.id, lane, stream.may_end(lane), most);
      break;
    }
  }
  data.took(stream, out.size() - before);
  if (stream.close_sent() && stream.closed_by_peer()) {
    forget(stream);
  } else {
    schedule(stream);
  }
}

}  // namespace rdev::mux
