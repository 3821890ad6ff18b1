#include "agent/process/order.h"

#include <charconv>

namespace rdev::process {
namespace {

class Encoder final {
 public:
  void text(std::string_view value) {
    out_ += value;
    out_ += '\0';
  }
  void number(std::uint64_t value) { text(std::to_string(value)); }
  template <class List, class Put>
  void list(const List& values, Put put) {
    number(values.size());
    for (const auto& value : values) {
      (this->*put)(value);
    }
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// What is not there reads as empty or 0, and ok() is false from then on.
class Decoder final {
 public:
  explicit Decoder(std::string_view text) : rest_(text) {}

  std::string text() {
    const std::size_t end = rest_.find('\0');
    if (end == std::string_view::npos) {
      ok_ = false;
      return {};
    }
    std::string value(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return value;
  }
  std::uint64_t number() {
    const std::string digits = text();
    std::uint64_t value = 0;
    const char* const end = digits.data() + digits.size();
    const auto [at, error] = std::from_chars(digits.data(), end, value);
    ok_ = ok_ && error == std::errc() && at == end;
    return ok_ ? value : 0;
  }
  std::vector<std::string> texts() {
    std::vector<std::string> values;
    for (std::uint64_t left = number(); left > 0 && ok_; --left) {
      values.push_back(text());
    }
    return values;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

Identity identity_of(Decoder& in) {
  Identity identity{
      .uid = static_cast<uid_t>(in.number()), .gid = static_cast<gid_t>(in.number()), .groups = {}};
  for (std::uint64_t left = in.number(); left > 0 && in.ok(); --left) {
    identity.groups.push_back(static_cast<gid_t>(in.number()));
  }
  return identity;
}

}  // namespace

std::string encode(const Command& command, const JobLimits& limits) {
  Encoder out;
  out.text(command.program);
  out.text(command.directory);
  out.number(command.terminal ? 1 : 0);
  out.number(command.program_fd >= 0 ? 1 : 0);
  out.list(command.argv, &Encoder::text);
  out.list(command.environment.entries(), &Encoder::text);
  out.number(command.identity ? 1 : 0);
  if (command.identity) {
    out.number(command.identity->uid);
    out.number(command.identity->gid);
    out.list(command.identity->groups, &Encoder::number);
  }
  out.number(limits.files ? 1 : 0);
  if (limits.files) {
    out.number(limits.files->rlim_cur);
    out.number(limits.files->rlim_max);
  }
  out.number(limits.oom_score_adj ? 1 : 0);
  if (limits.oom_score_adj) {
    out.text(*limits.oom_score_adj);
  }
  return out.take();
}

std::optional<Order> decode(std::string_view text) {
  Decoder in(text);
  Order order;
  Command& command = order.command;
  command.program = in.text();
  command.directory = in.text();
  command.terminal = in.number() != 0;
  command.program_fd = in.number() != 0 ? 0 : -1;
  command.argv = in.texts();
  command.environment = Environment(in.texts());
  if (in.number() != 0) {
    command.identity = identity_of(in);
  }
  if (in.number() != 0) {
    rlimit files{};
    files.rlim_cur = in.number();
    files.rlim_max = in.number();
    order.limits.files = files;
  }
  if (in.number() != 0) {
    order.limits.oom_score_adj = in.text();
  }
  if (!in.at_end()) {
    return std::nullopt;
  }
  return order;
}

}  // namespace rdev::process
