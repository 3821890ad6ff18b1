#include "client/cluster/openpai/preview.h"

namespace rdev::cluster::openpai {

namespace json = boost::json;

namespace {

void mask(json::value* value, std::string_view key) {
  json::object* object = value == nullptr ? nullptr : value->if_object();
  json::value* secret = object == nullptr ? nullptr : object->if_contains(key);
  if (secret != nullptr) {
    *secret = kMasked;
  }
}

}  // namespace

json::value without_secrets(json::value job) {
  json::object& top = job.as_object();
  if (json::value* secrets = top.if_contains("secrets"); secrets != nullptr) {
    for (auto& entry : secrets->as_object()) {
      entry.value() = kMasked;
    }
  }
  if (json::value* all = top.if_contains("prerequisites"); all != nullptr) {
    for (json::value& one : all->as_array()) {
      mask(one.as_object().if_contains("auth"), "password");
    }
  }
  return job;
}

}  // namespace rdev::cluster::openpai
