#include "client/cluster/openpai/errors.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "client/cluster/openpai/error_table.h"
#include "client/cluster/openpai/read_json.h"
#include "client/cluster/openpai/refusal.h"

namespace rdev::cluster::openpai {
namespace {

constexpr std::size_t kMaxSentence = 300;  // bytes
constexpr std::size_t kMaxWord = 40;       // of a name in it
constexpr std::size_t kMaxHole = 60;       // of what is taken from the server's message

using Holes = std::vector<std::string>;

// What stands at the stars of `pattern`, which is the beginning of `text`; the last star takes the
// rest.
std::optional<Holes> match(std::string_view pattern, std::string_view text) {
  Holes holes;
  while (true) {
    const std::size_t star = pattern.find('*');
    if (!text.starts_with(pattern.substr(0, star))) {
      return std::nullopt;
    }
    if (star == std::string_view::npos) {
      return holes;
    }
    text.remove_prefix(star);
    pattern.remove_prefix(star + 1);
    const std::string_view next = pattern.substr(0, pattern.find('*'));
    const std::size_t end = next.empty() ? text.size() : text.find(next);
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    std::string_view hole = text.substr(0, end);
    if (next.empty()) {
      hole = hole.substr(0, hole.find_last_not_of(". \n") + 1);
    }
    holes.push_back(plain(hole, kMaxHole));
    text.remove_prefix(end);
  }
}

// Seconds only: a date there (RFC 9110, section 10.2.3) is not worth a clock.
std::string when(const std::string& retry_after) {
  int seconds = 0;
  const char* end = retry_after.data() + retry_after.size();
  const auto [rest, error] = std::from_chars(retry_after.data(), end, seconds);
  const bool good = error == std::errc() && rest == end && seconds > 0;
  return good ? "in " + std::to_string(seconds) + " s" : "in a minute";
}

struct Context {
  const Refusal& refusal;
  const Words& words;
  const Said& said;
  Holes holes;
};

std::string named(const std::string& word, std::string_view kind, std::string_view unnamed) {
  return word.empty() ? std::string(unnamed) : std::string(kind) + plain(word, kMaxWord);
}

std::string fill(std::string_view text, const Context& with) {
  std::string filled;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%' || i + 1 == text.size()) {
      filled += text[i];
      continue;
    }
    const char what = text[++i];
    const auto hole = static_cast<std::size_t>(what - '1');
    if (what == 'M') {
      filled += plain(with.said.message.substr(0, with.said.message.find('\n')), kMaxSentence);
    } else if (what == 'R') {
      filled += when(with.refusal.retry_after);
    } else if (what == 'C') {
      filled += named(with.words.cluster, "", "NAME");
    } else if (what == 'L') {
      filled += with.words.login;
    } else if (what == 'K') {
      filled += named(with.words.cluster, "cluster ", "the cluster");
    } else if (what == 'U') {
      filled += named(with.words.user, "user ", "this user");
    } else if (what == 'J') {
      filled += named(with.words.job, "job ", "the job");
    } else if (what == 'S') {
      filled += std::to_string(with.refusal.status);
    } else if (hole < with.holes.size()) {
      filled += with.holes[hole];
    }
  }
  return filled;
}

std::string_view failed(Doing doing) {
  switch (doing) {
    case Doing::kProbe:
      return "cannot ask %K what it is";
    case Doing::kLogin:
      return "cannot log in to %K";
    case Doing::kCheckToken:
      return "cannot check the token of %K";
    case Doing::kSubmit:
      return "cannot submit %J to %K";
    case Doing::kStatus:
      return "cannot see %J on %K";
    case Doing::kList:
      return "cannot list the jobs of %K";
    case Doing::kConfig:
      return "cannot read the document of %J on %K";
    case Doing::kStop:
      return "cannot stop %J on %K";
    case Doing::kLogs:
      return "cannot read the logs of %J on %K";
    case Doing::kEvents:
      return "cannot see what %J waits for on %K";
    case Doing::kStorages:
      return "cannot list the storages of %K";
    case Doing::kClusters:
      return "cannot list the virtual clusters of %K";
    case Doing::kUser:
      return "cannot see what %U may use on %K";
  }
  return "";
}

Known misfit(const Said& said, std::string& why) {
  const std::string_view path = said.path;
  why = plain(path.empty() ? "the job's document as a whole" : path, 100) + " " +
        plain(said.fault, 80);
  if (said.faults > 1) {
    why += ", and " + std::to_string(said.faults - 1) + " more";
  }
  const std::size_t dot = path.rfind('.');
  const std::string_view last = path.substr(dot == std::string_view::npos ? 0 : dot + 1);
  const auto rows = known_misfits();
  const auto row =
      std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.last == last; });
  return {.error = Code::kUsage,
          .cure = row == rows.end() ? "correct the job's template (--template)" : row->cure};
}

// The server's own words, for a reason that is in no table.
Known unknown_reason(const Refusal& refusal, Doing doing) {
  if (refusal.status == 403) {
    return {.error = Code::kPermission, .why = "%M", .cure = "ask the cluster's administrator"};
  }
  if (refusal.status == 401) {
    return {.error = Code::kPermission, .why = "%M", .cure = "log in again: `rdev cluster %L %C`"};
  }
  if (refusal.status >= 500) {
    return {.error = Code::kUnavailable,
            .why = "%M",
            .cure = "try again in a while, then ask the cluster's administrator"};
  }
  if (refusal.status == 400 && doing == Doing::kSubmit) {
    return {.error = Code::kUsage, .why = "%M", .cure = "correct the job's template (--template)"};
  }
  return {.error = refusal.status == 400 ? Code::kUsage : Code::kFailed,
          .why = "%M",
          .cure = "check the cluster's address (`rdev cluster add`)"};
}

bool fits(const Known& row, const Refusal& refusal, const Said& said, Holes& holes) {
  if ((row.status != 0 && row.status != refusal.status) ||
      (!row.code.empty() && row.code != said.code)) {
    return false;
  }
  auto found = match(row.message, said.message);
  if (found) {
    holes = std::move(*found);
  }
  return found.has_value();
}

Known reason(Doing doing, const Refusal& refusal, const Said& said, Holes& holes) {
  for (const Known& row : known_refusals()) {
    // A page of a proxy is not the server's word, whatever its status.
    if ((said.json || row.status == 429) && fits(row, refusal, said, holes)) {
      return row;
    }
  }
  if (said.json && !said.message.empty()) {
    return unknown_reason(refusal, doing);
  }
  for (const Known& row : silent_refusals()) {
    if (row.status == refusal.status) {
      return row;
    }
  }
  if (refusal.status >= 300 && refusal.status < 400) {
    return {.error = Code::kFailed,
            .why = "its address leads elsewhere (a login page?)",
            .cure = "check it (`rdev cluster add`), also whether it is http or https"};
  }
  return {.error = refusal.status >= 500 ? Code::kUnavailable : Code::kFailed,
          .why = "it gives no reason (%S)",
          .cure = "try again, then check the cluster's address (`rdev cluster add`)"};
}

}  // namespace

Error explain(Doing doing, const Refusal& refusal, const Words& words) {
  const Said said = read_refusal(refusal);
  Context context{.refusal = refusal, .words = words, .said = said, .holes = {}};
  std::string why;
  Known known{};
  if (said.faults > 0) {
    known = misfit(said, why);
  } else {
    known = reason(doing, refusal, said, context.holes);
    why = fill(known.why, context);
  }
  const std::string what = fill(failed(doing), context) + ": ";
  const std::string cure = "; " + fill(known.cure, context);
  const std::size_t room = kMaxSentence - std::min(kMaxSentence, what.size() + cure.size());
  return Error{known.error, plain(what + plain(why, room) + cure, kMaxSentence)};
}

}  // namespace rdev::cluster::openpai
