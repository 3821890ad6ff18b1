#include "protocol/ssh/global_requests.h"

#include "protocol/ssh/messages.h"

namespace rdev::ssh {
namespace {

// ssh sends one for each -R without waiting in between.
constexpr std::size_t kMostOpen = 256;

}  // namespace

void GlobalReply::answer(std::optional<std::string> granted) {
  if (const auto answers = std::exchange(answers_, {}).lock()) {
    answers->answer(number_, std::move(granted));
  }
}

std::optional<GlobalReply> GlobalAnswers::expect(bool wanted) {
  if (owed_.size() >= kMostOpen) {
    return std::nullopt;
  }
  owed_.push_back({.wanted = wanted, .granted = {}});
  return std::optional<GlobalReply>(std::in_place, weak_from_this(), base_ + owed_.size() - 1);
}

void GlobalAnswers::answer(std::uint64_t number, std::optional<std::string> granted) {
  Owed& answered = owed_[number - base_];
  answered.answered = true;
  answered.granted = std::move(granted);
  while (!owed_.empty() && owed_.front().answered) {
    const Owed first = std::move(owed_.front());
    owed_.pop_front();
    ++base_;
    if (first.wanted && sink_ != nullptr) {
      sink_->send(
          begin(first.granted ? Message::kRequestSuccess : Message::kRequestFailure).bytes(),
          first.granted.value_or(""));
    }
  }
}

}  // namespace rdev::ssh
