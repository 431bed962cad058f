"""Prints a YAML file as lines of its keys and the value: `services shop environment CLUSTERING: supervised`.

Refuses keys that stand twice, which YAML forbids and its readers let pass.
"""
import sys

import yaml


class Loader(yaml.SafeLoader):
    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key) for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise yaml.YAMLError(f"a key is duplicated in {keys}")
        return super().construct_mapping(node, deep)


def tell(path, value):
    if isinstance(value, dict):
        for key, inner in value.items():
            tell([*path, str(key)], inner)
    else:
        print(" ".join(path) + ": " + str(value))


tell([], yaml.load(sys.stdin.read(), Loader))
