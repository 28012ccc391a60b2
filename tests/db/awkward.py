"""Databases in odd but legal spelling, for the comparison with EPICS base; each is loaded with P=C:."""

AWKWARD = {
    "comments, escapes, barewords, JSON values": r"""
# a comment with a macro that nobody defined $(UNDEF), don't mind
record(ai, "$(P)A") { # behind a brace
  field(DESC, "tab\there \"q\" \\ \x41 \q \a") # a comment with } and ")"
  field(EGU , mm) field("PREC",3) info(a, "x\ty") info(b, [1, 2, {k: v, "z": null},]) info(c, 'single "q"')
  alias("$(P)AL")
  field(HIHI, 0x10)field(HOPR,
     1e3
  )
}
alias("$(P)A", "$(P)AL2")
record("*", "$(P)AL") { field(LOW, "-3") alias(X1) }
record(ai, "$(P)B")
record(ai, "$(P)A") { field(EGU, "V") }
record(ao, "$(P)$(R=$(Q=hithere))") { field(DESC, "$(M=x y)${N={z}") }
""",
    "scoped macros, odd names, a value that ends at NUL, a deleted record": r"""
record(mbbi, "$(P)m"){field(ZRST,"a")field(ONST,'b')}#x
grecord(bo,"$(P)$(R=r,A=1)"){field(ZNAM,"$(A=2)$(B=3,A=4)")field(DESC,"")}
record(stringin,"$(P)s{[<>;-+]}"){field(VAL,"a\0b")}
record("#","$(P)m")
""",
    "repeated records and aliases, every kind of JSON value": r"""
record(ao,"$(P)c") { field(DRVH, 10) field(DRVL, -10.5) field(PREC,"2")
 info(x, true) info(y, null) info(z, -1.5e-3) info("w", {}) info(v, {a:[1,"b",c],"d":{e:0x1}}) info(u,[])}
record(waveform, "$(P)w") { field(FTVL, LONG) field("NELM", "4") alias("$(P)wa") }
record(ao,"$(P)c") { alias("$(P)ca") field(DRVH, "20") info(x, "again") }
alias("$(P)ca","$(P)cb")
alias("$(P)c","$(P)cb")
""",
    "single quotes keep macros, in text and in defaults": r"""
record(lsi,"$(P)l"){field(SIZV,"100") field(DESC,"it's $(P) 'and $(P)' \'") field(ASG,"$(T='q, r')")}
""",
    "a deleted alias, and what is said of a record that goes": r"""
record(ai,"$(P)x"){alias("$(P)y") alias("$(P)z")}
record("#","$(P)y") {field(DESC,"gone")}
record(bi,"$(P)y")
record(ai,"$(P)gone"){alias("$(P)g2")}
record("#","$(P)gone")
record(bi,"$(P)g2")
""",
    "nothing at all": "\n# only a comment",
    "no end of line": 'record(bi,"$(P)x"){}',
    "carriage returns": 'record(bi,"$(P)x")\r\n{\r\n field(ZNAM,"a")\r\n}\r\n',
    "Latin letters": 'record(ai,"$(P)x"){field(EGU,"µm")}',
    "include in a body and outside": 'record(ai,"$(P)x"){ include "fields.inc"\n}\ninclude "more.db"\n',
}

BESIDE = {
    "fields.inc": 'field(PREC, "$(Q=2)") # x\n',
    "more.db": 'record(bi, "$(P)more$(N=)") {}\n',
    "one.template": 'record(ai, "$(P)$(N)") { field(DESC, "$(D=none) $(E=)")'
    ' field(EGU, "$(U)") include "fields.inc"\n'
    '}\ninclude "more.db"\n',
}
"""Files that the others include."""

SUBSTITUTIONS = r"""# a comment
global {U=mm, Q="3",}
file one.template {
 pattern {N, D, E,}
  {a, "one, two", 'x'}
  {"b" "with \\\"quote\\\" and \\ back", ,}
  global { U = "$(V=kV)" }
  {c, "$(N)n", "it's",}
}
file "one.template" { {N=d,D="x=y"} {N = e , , U="'q'"} }
file one.template { pattern {N} }
file one.template {}
"""

REFUSED = {
    "unknown record for an overlay": 'record("*", "$(P)none") {}',
    "another type for the same record": 'record(ai,"$(P)x"){}record(ao,"$(P)x"){}',
    "alias of nothing": 'alias("$(P)none","$(P)y")',
    "alias that is a record": 'record(ai,"$(P)x"){}record(ai,"$(P)y"){}alias("$(P)x","$(P)y")',
    "alias of two records": 'record(ai,"$(P)x"){alias("$(P)z")}record(ai,"$(P)y"){alias("$(P)z")}',
    "a blank in a name": 'record(ai,"$(P)x y"){}',
    "a dot in a name": 'record(ai,"$(P)x.y"){}',
    "no name": 'record(ai,""){}',
    "a name of 61 bytes": f'record(ai,"{"n" * 61}"){{}}',
    "field NAME": 'record(ai,"$(P)x"){field(NAME,"y")}',
    "an open string": 'record(ai,"$(P)x"){field(DESC,"y)}',
    "an escape that JSON5 has not": r'record(ai,"$(P)x"){field(DESC,"\1")}',
    "a tab in a string": 'record(ai,"$(P)x"){field(DESC,"a\tb")}',
    "an open body": 'record(ai,"$(P)x"){',
    "a bare value with a colon": 'record(ai,"$(P)x"){field(DESC,a:b)}',
    "an empty value": 'record(ai,"$(P)x"){field(DESC,)}',
    "a keyword as a name": "record(ai,field){}",
    "a missing comma": 'record(ai "$(P)x"){}',
    "a file to include that is not there": 'include "nowhere.db"\n',
    "a statement of nothing": 'recrod(ai,"$(P)x"){}',
}
"""What EPICS base refuses, and so do we."""
