#include "agent/lifetime.h"

#include <algorithm>
#include <utility>

namespace rdev::agent {
namespace {

using std::chrono::milliseconds, std::chrono::seconds;

std::string in_words(seconds time) {
  const auto count = time.count();
  const bool minutes = count >= 60 && count % 60 == 0;
  const auto number = minutes ? count / 60 : count;
  return std::to_string(number) + (minutes ? " minute" : " second") + (number == 1 ? "" : "s");
}

}  // namespace

Lifetime::Lifetime(const asio::any_io_executor& executor, LifetimeOptions options)
    : options_(std::move(options)), timer_(executor) {
  for (const auto before : options_.warnings) {
    warnings_.push_back({.before = before});
  }
  if (options_.limit) {
    end_ = Clock::now() + std::min<milliseconds>(*options_.limit, kMax);
    arm_warnings();
  }
}

Result<seconds> Lifetime::extend(milliseconds add) {
  if (!end_) {
    return fail(Code::kUsage,
                "this job has no end that could be put off: it runs until it is stopped");
  }
  if (add <= milliseconds::zero()) {
    return fail(Code::kUsage, "an extension adds something");
  }
  const seconds left = *remaining();
  if (left == seconds::zero()) {
    return fail(Code::kClosed, "the job's lifetime is over already");
  }
  if (add > kMax - left) {
    return fail(Code::kUsage, "no job lives longer than ten years: add less");
  }
  *end_ += add;
  arm_warnings();
  timer_.cancel();
  return remaining().value();
}

std::optional<seconds> Lifetime::remaining() const {
  if (!end_) {
    return std::nullopt;
  }
  const auto left = std::chrono::ceil<seconds>(*end_ - Clock::now());
  return std::max(left, seconds::zero());
}

std::string Lifetime::end_in_words() const {
  const auto left = remaining();
  if (!left) {
    return {};
  }
  const auto total = std::chrono::round<std::chrono::minutes>(*left).count();
  const auto hours = total / 60;
  const auto minutes = total % 60;
  std::string text = options_.job_name.empty() ? "this job" : options_.job_name;
  text += " ends in";
  text += hours > 0 ? ' ' + std::to_string(hours) + " h" : "";
  text += minutes > 0 || hours == 0 ? ' ' + std::to_string(minutes) + " min" : "";
  return text;
}

awaitable<void> Lifetime::over() {
  while (!end_ || Clock::now() < *end_) {
    timer_.expires_at(next_step());
    co_await timer_.async_wait(use_tuple);
    // After a pause of the whole machine more than one may be due: the last says it all.
    Warning* latest = nullptr;
    for (Warning& warning : warnings_) {
      if (warning.due && Clock::now() >= *end_ - warning.before) {
        warning.due = false;
        latest = latest == nullptr || warning.before < latest->before ? &warning : latest;
      }
    }
    if (latest != nullptr && Clock::now() < *end_) {
      warn_of(latest->before);
    }
  }
}

void Lifetime::arm_warnings() {
  for (Warning& warning : warnings_) {
    warning.due = warning.due || Clock::now() < *end_ - warning.before;
  }
}

Lifetime::Clock::time_point Lifetime::next_step() const {
  if (!end_) {
    return Clock::time_point::max();
  }
  Clock::time_point next = *end_;
  for (const Warning& warning : warnings_) {
    if (warning.due) {
      next = std::min(next, *end_ - warning.before);
    }
  }
  return next;
}

void Lifetime::warn_of(Clock::duration left) const {
  if (!options_.warn) {
    return;
  }
  std::string sentence = "this job ends in " + in_words(std::chrono::ceil<seconds>(left));
  if (!options_.job_name.empty()) {
    sentence += "; rdev extend " + options_.job_name + " 2h keeps it";
  }
  options_.warn(sentence);
}

}  // namespace rdev::agent
