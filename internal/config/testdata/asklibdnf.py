"""Answers questions about libdnf's own reading of configuration.

Reads one JSON object from stdin and writes one to stdout:
  ini:    list of base64 texts  -> list of {section: {key: base64}} or null
  vars, expand: values and texts -> list of texts
  types:  {option: [value]}     -> {option: {value: text or null}}
  main, options: a main file    -> {id: {option: text}} as dnf resolves them
  binds: true                   -> {main: [key], repo: [key]}
"""
import base64
import json
import logging
import os
import sys
import tempfile

import libdnf

logging.disable(logging.CRITICAL)
ask = json.load(sys.stdin)
answer = {}


def b64(text):
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()


def ini(text):
    parser = libdnf.conf.ConfigParser()
    with tempfile.NamedTemporaryFile(suffix=".repo") as f:
        f.write(base64.b64decode(text))
        f.flush()
        try:
            parser.read(f.name)
        except RuntimeError:
            return None
        return {
            section: {key: b64(parser.getValue(section, key)) for key in parser.options(section)}
            for section in parser.getData()
        }


def typed(option, value):
    repo = libdnf.conf.ConfigRepo(libdnf.conf.ConfigMain())
    bind = repo.optBinds().at(option)
    try:
        bind.newString(libdnf.conf.Option.Priority_REPOCONFIG, value)
    except RuntimeError:
        return None
    return bind.getValueString()


def repos(main):
    import dnf

    base = dnf.Base()
    base.conf.read(main)
    base.conf.config_file_path = main
    base.conf.substitutions.update_from_etc("/", varsdir=base.conf.varsdir)
    base.conf.substitutions.update(ask["vars"])
    base.read_all_repos()
    out = {}
    for repo in base.repos.all():
        binds = repo._config.optBinds()
        out[repo.id] = {name: binds.at(name).getValueString() for name in ask["options"]}
        out[repo.id]["baseurl"] = " ".join(repo.baseurl)
    return out


def binds():
    main = libdnf.conf.ConfigMain()
    repo = libdnf.conf.ConfigRepo(main)
    return {"main": [b.first for b in main.optBinds()], "repo": [b.first for b in repo.optBinds()]}


if ask.get("binds"):
    answer["binds"] = binds()
if "ini" in ask:
    answer["ini"] = [ini(text) for text in ask["ini"]]
if "expand" in ask:
    answer["expand"] = [libdnf.conf.ConfigParser.substitute(text, ask["vars"]) for text in ask["expand"]]
if "types" in ask:
    answer["types"] = {option: {v: typed(option, v) for v in values} for option, values in ask["types"].items()}
if "main" in ask:
    answer["repos"] = repos(ask["main"])
json.dump(answer, sys.stdout)
