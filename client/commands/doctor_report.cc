#include "client/commands/doctor_report.h"

#include <algorithm>
#include <boost/json.hpp>

#include "client/ui/table.h"
#include "client/ui/utf8.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;

using Status = Finding::Status;

struct Look {
  const char* json;
  const char* text;
  const char* colour;  // SGR of ECMA-48
};

Look look_of(Status status) {
  switch (status) {
    case Status::kOk:
      return {"ok", "ok", "32"};
    case Status::kInfo:
      return {"info", "-", ""};
    case Status::kWarning:
      return {"warn", "warn", "33"};
    case Status::kFail:
      return {"fail", "FAIL", "1;31"};
    case Status::kSkipped:
      return {"skipped", "skip", "2"};
  }
  return {};
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

std::string coloured(const std::string& text, const char* colour, Colours colours) {
  return colours == Colours::kNo || *colour == '\0'
             ? text
             : "\033[" + std::string(colour) + "m" + text + "\033[0m";
}

std::size_t count(const Findings& findings, Status status) {
  return static_cast<std::size_t>(
      std::count_if(findings.begin(), findings.end(),
                    [&](const Finding& finding) { return finding.status == status; }));
}

std::string some(std::size_t number, const std::string& what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

std::string summary(const Findings& findings) {
  const std::size_t faults = count(findings, Status::kFail);
  const std::size_t warnings = count(findings, Status::kWarning);
  if (faults + warnings == 0) {
    return "all is well\n";
  }
  return some(faults, "fault") + ", " + some(warnings, "warning") + "\n";
}

}  // namespace

void Chain::add(Finding finding) {
  if (finding.status == Status::kFail && culprit_.empty()) {
    culprit_ = finding.check;
  }
  findings_.push_back(std::move(finding));
}

Findings Chain::take() {
  Findings all;
  for (const std::string& name : names_) {
    const auto looked = std::find_if(findings_.begin(), findings_.end(),
                                     [&](const Finding& finding) { return finding.check == name; });
    all.push_back(looked != findings_.end() ? *looked
                                            : skipped(name, "not looked at: first " + culprit_));
    all.back().check.insert(0, about_);
  }
  return all;
}

std::string as_text(const Findings& findings, Colours colours) {
  constexpr std::size_t kStatusWidth = 6;
  std::size_t width = 0;
  for (const Finding& finding : findings) {
    width = std::max(width, finding.check.size() + 2);
  }
  std::string text;
  for (const Finding& finding : findings) {
    const Look look = look_of(finding.status);
    text += coloured(padded(look.text, kStatusWidth), look.colour, colours) +
            padded(ui::printable_line(finding.check), width) + ui::printable_line(finding.detail) +
            "\n";
    if (!finding.cure.empty()) {
      text += padded("", kStatusWidth + width) + "-> " + ui::printable_line(finding.cure) + "\n";
    }
  }
  return text + "\n" + summary(findings);
}

std::string as_json(const Findings& findings) {
  json::array array;
  for (const Finding& finding : findings) {
    array.push_back(json::object{{"check", finding.check},
                                 {"status", look_of(finding.status).json},
                                 {"detail", ui::valid_utf8(finding.detail)},
                                 {"cure", ui::valid_utf8(finding.cure)}});
  }
  return json::serialize(array) + "\n";
}

int exit_code(const Findings& findings) { return count(findings, Status::kFail) == 0 ? 0 : 1; }

}  // namespace rdev::commands
