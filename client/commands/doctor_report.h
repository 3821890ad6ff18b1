#pragma once

#include <string>
#include <vector>

namespace rdev::commands {

// What one look found. kInfo: neither good nor bad; kSkipped: another finding says why it could not
// be looked at.
struct Finding {
  enum class Status { kOk, kInfo, kWarning, kFail, kSkipped };
  std::string check;
  Status status = Status::kOk;
  std::string detail;
  std::string cure;  // what to do; of what is not well
};
using Findings = std::vector<Finding>;

inline Finding ok(std::string check, std::string detail) {
  return {std::move(check), Finding::Status::kOk, std::move(detail), {}};
}
inline Finding info(std::string check, std::string detail) {
  return {std::move(check), Finding::Status::kInfo, std::move(detail), {}};
}
inline Finding warning(std::string check, std::string detail, std::string cure) {
  return {std::move(check), Finding::Status::kWarning, std::move(detail), std::move(cure)};
}
inline Finding fault(std::string check, std::string detail, std::string cure) {
  return {std::move(check), Finding::Status::kFail, std::move(detail), std::move(cure)};
}
inline Finding skipped(std::string check, std::string detail) {
  return {std::move(check), Finding::Status::kSkipped, std::move(detail), {}};
}

// Checks where each needs the one before: what has not been looked at when the findings are taken
// is skipped for the fault, so that one fault is told of once.
class Chain final {
 public:
  // `about` goes in front of each of `names`: "cluster pai: ".
  Chain(std::string about, std::vector<std::string> names)
      : about_(std::move(about)), names_(std::move(names)) {}

  // Its check is one of the names.
  void add(Finding finding);
  // In the order of the names.
  Findings take();

 private:
  std::string about_;
  std::vector<std::string> names_;
  std::string culprit_;  // the first fault's name
  Findings findings_;
};

enum class Colours { kNo, kYes };
// A line each, its cure in the next one; then how many are not well.
std::string as_text(const Findings& findings, Colours colours);
// [{"check", "status": "ok|info|warn|fail|skipped", "detail", "cure"}]
std::string as_json(const Findings& findings);
// 1 when there is a fault, else 0.
int exit_code(const Findings& findings);

}  // namespace rdev::commands
