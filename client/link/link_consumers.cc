#include <unistd.h>

#include <algorithm>

#include "client/link/attach_protocol.h"
#include "client/link/link.h"
#include "protocol/base/log.h"

// What the link process hears from its consumers.
namespace rdev::link_process {
namespace {

constexpr char kProgram[] = "rdev " RDEV_VERSION;

}  // namespace

void Link::on_control(Consumer& consumer, const Piece& frame) {
  switch (frame.header.type) {
    case wire::Type::kAttach:
      attach(consumer, frame.payload());
      break;
    case wire::Type::kAskStatus:
      consumer.send(wire::Type::kStatus, status().SerializeAsString());
      break;
    case wire::Type::kStop:
      end({Code::kCancelled, "the link of the job " + options_.job + " was stopped"});
      break;
    default:
      break;
  }
}

void Link::attach(Consumer& consumer, std::string_view payload) {
  Attach asked;
  if (consumer.state != Consumer::State::kNew ||
      !asked.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    consumer.cut_off("an ATTACH that cannot be read, or a second one");
    return;
  }
  if (asked.protocol() != kAttachProtocol) {
    // The status says whether anybody else would mind its end.
    consumer.send(wire::Type::kStatus, status().SerializeAsString());
    consumer.lose("the link process of " + options_.job + " is of " + std::string(kProgram) +
                      ", this is " + wire::sentence(asked.program()) +
                      ": end what uses the link (rdev status " + options_.job +
                      " shows it), then try again",
                  false);
    return;
  }
  if (over_) {
    consumer.lose(over_->message, is_end(*over_));
    return;
  }
  consumer.number = asked.consumer();
  consumer.what = wire::sentence(asked.what());
  if (!router_.add(consumer.shared_from_this())) {
    consumer.number = 0;
    consumer.lose("its number is 0 or another process's: try again", false);
    return;
  }
  consumer.resuming = asked.resuming();
  if (state_ == LinkStatus::UP) {
    consumer.attach(attached());
    return;
  }
  consumer.state = Consumer::State::kWaiting;
  consumer.send(wire::Type::kStatus, status().SerializeAsString());
  if (!keeper_.try_now()) {
    lose(Consumer::State::kWaiting, reason_, false);
  }
}

void Link::on_frames(Consumer& consumer) { router_.ready(consumer); }

void Link::on_gone(Consumer& consumer) {
  router_.remove(consumer);
  std::erase_if(consumers_, [&consumer](const auto& other) { return other.get() == &consumer; });
  changed_.notify();
}

LinkStatus Link::status() const {
  LinkStatus status;
  status.set_state(state_);
  status.set_since_unix_ms(since_unix_ms_);
  status.set_reason(reason_);
  status.set_doubt(keeper_.doubt());
  status.set_doubted_unix_ms(keeper_.doubted_unix_ms());
  status.set_pid(::getpid());
  status.set_endpoint(endpoint_);
  status.set_program(kProgram);
  status.set_connections(connections_);
  if (session_ != nullptr && session_->round_trip()) {
    status.set_rtt_us(static_cast<std::uint64_t>(session_->round_trip()->count()));
  }
  const bool fresh = session_ != nullptr && session_->vitals();
  if (const auto& vitals = fresh ? session_->vitals() : vitals_) {
    *status.mutable_vitals() = *vitals;
    status.set_heartbeat_unix_ms(fresh ? session_->vitals_unix_ms() : vitals_unix_ms_);
  }
  status.set_consumers(static_cast<std::uint32_t>(
      std::count_if(consumers_.begin(), consumers_.end(),
                    [](const auto& consumer) { return consumer->number != 0; })));
  status.set_streams(static_cast<std::uint32_t>(router_.streams()));
  status.set_bytes_in(router_.bytes_in());
  status.set_bytes_out(router_.bytes_out());
  return status;
}

}  // namespace rdev::link_process
