#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "protocol/ssh/packet_sink.h"

namespace rdev::ssh {

class GlobalAnswers;

// The answer to one global request, given once, at any time; a dropped one is a failure. Answers
// leave in the order of their requests (RFC 4254 section 4), so a late one holds up those after it.
class GlobalReply final {
 public:
  GlobalReply(std::weak_ptr<GlobalAnswers> answers, std::uint64_t number)
      : answers_(std::move(answers)), number_(number) {}
  GlobalReply(GlobalReply&& other) noexcept = default;
  GlobalReply& operator=(GlobalReply&& other) noexcept = delete;
  ~GlobalReply() { answer(std::nullopt); }

  // `body` is the request's own part of the answer.
  void grant(std::string body = {}) { answer(std::move(body)); }
  void refuse() { answer(std::nullopt); }

 private:
  void answer(std::optional<std::string> granted);
  std::weak_ptr<GlobalAnswers> answers_;  // empty once answered
  std::uint64_t number_;
};

// The answers that one connection owes. Requests that want none count as well, so that what a peer
// may leave open is bounded. Shared by the connection and nobody else: replies only look for it.
class GlobalAnswers final : public std::enable_shared_from_this<GlobalAnswers> {
 public:
  explicit GlobalAnswers(PacketSink& sink) : sink_(&sink) {}

  // Nothing when too many are open.
  std::optional<GlobalReply> expect(bool wanted);
  // The connection is over: nothing is sent any more.
  void stop() { sink_ = nullptr; }

 private:
  friend class GlobalReply;
  struct Owed {
    bool wanted;
    bool answered = false;
    std::optional<std::string> granted;
  };
  void answer(std::uint64_t number, std::optional<std::string> granted);

  PacketSink* sink_;  // null once the connection is over
  std::deque<Owed> owed_;
  std::uint64_t base_ = 0;  // number of the first
};

}  // namespace rdev::ssh
