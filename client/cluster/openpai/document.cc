#include "client/cluster/openpai/document.h"

#include <algorithm>
#include <boost/json.hpp>

#include "client/cluster/openpai/options.h"
#include "client/cluster/openpai/preview.h"
#include "client/cluster/openpai/protocol_v1.h"
#include "client/templates/set_value.h"
#include "client/templates/yaml_text.h"

namespace rdev::cluster::openpai {
namespace {

namespace json = boost::json;

using templates::TypedYaml;

// Version 2, whatever it was.
Result<json::value> of_version_2(const TypedYaml& document, std::vector<std::string>& notes) {
  if (!document.value().is_object()) {
    return document.wrong("", "a job is a mapping with protocolVersion, name, type and taskRoles");
  }
  if (!is_protocol_v1(document.value())) {
    return document.value();
  }
  Converted converted = convert_protocol_v1(document.value());
  if (auto good = refuse(document, converted.problems); !good) {
    return tl::make_unexpected(good.error());
  }
  notes.emplace_back("it is of protocol version 1 and was converted to version 2");
  notes.insert(notes.end(), converted.notes.begin(), converted.notes.end());
  return std::move(converted.job);
}

Result<void> edit(json::value& job, const Edits& edits) {
  if (edits.secrets) {
    if (!edits.secrets->value().is_object()) {
      return edits.secrets->wrong("", "secrets are a mapping: NAME: VALUE");
    }
    job.as_object()["secrets"] = edits.secrets->value();
  }
  for (const std::string& assignment : edits.sets) {
    if (auto set = templates::set_value(job, assignment); !set) {
      return prefix("--set", set.error());
    }
  }
  json::object& top = job.as_object();
  if (!edits.name.empty()) {
    top["name"] = edits.name;
  }
  if (!edits.virtual_cluster.empty()) {
    json::value& defaults = top["defaults"];
    if (!defaults.is_object()) {
      defaults.emplace_object();
    }
    defaults.get_object()["virtualCluster"] = edits.virtual_cluster;
  }
  return {};
}

// The server breaks on a role without it.
void add_instances(json::value& job) {
  json::value* roles = job.as_object().if_contains("taskRoles");
  if (roles == nullptr || !roles->is_object()) {
    return;
  }
  for (auto& role : roles->get_object()) {
    if (json::object* one = role.value().if_object()) {
      one->emplace("instances", 1);
    }
  }
}

// The server gives "******" back for what was secret, the history for each secret.
bool has_lost_secrets(const json::value& job) {
  const json::value* secrets = job.as_object().if_contains("secrets");
  if (secrets == nullptr || !secrets->is_object()) {
    return secrets != nullptr && secrets->is_string();
  }
  const json::object& all = secrets->get_object();
  return std::any_of(all.begin(), all.end(),
                     [](const auto& one) { return one.value() == json::value(kMasked); });
}

}  // namespace

Result<void> refuse(const TypedYaml& document, const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) {
    const auto wrong = problem.at == Problem::At::kKey
                           ? document.wrong_key(problem.pointer, problem.what)
                           : document.wrong(problem.pointer, problem.what);
    text += (text.empty() ? "" : "\n") + wrong.value().message;
  }
  if (text.empty()) {
    return {};
  }
  return fail(Code::kUsage, text);
}

Result<Ready> make_ready(const TypedYaml& document, const Edits& edits) {
  Ready ready;
  auto job = of_version_2(document, ready.notes);
  const auto edited = job ? edit(*job, edits) : tl::make_unexpected(job.error());
  if (!edited) {
    return tl::make_unexpected(edited.error());
  }
  if (has_lost_secrets(*job)) {
    return document.wrong("/secrets",
                          "the server does not give secrets back: --secrets FILE has them anew "
                          "(NAME: VALUE, a line each; - reads stdin)");
  }
  if (is_rendered(*job)) {
    return document.wrong("/extras/rdev",
                          "this is a job that rdev up has made, with keys of its own: start the "
                          "like of it with rdev up --template FILE");
  }
  add_instances(*job);
  if (auto good = refuse(document, problems(*job)); !good) {
    return tl::make_unexpected(good.error());
  }
  ready.name = std::string(job->at("name").as_string());
  ready.body = templates::to_json(*job);
  ready.masked = without_secrets(*std::move(job));
  if (ready.body.size() > kMaxJobBytes) {
    return fail(Code::kLimit, "the job has " + std::to_string(ready.body.size()) +
                                  " bytes and the server takes at most " +
                                  std::to_string(kMaxJobBytes) +
                                  ": put long scripts in a storage or the image");
  }
  return ready;
}

}  // namespace rdev::cluster::openpai
