"""A small writer of VCT files for the tests: polygons by shared lines (type 100) or drawn (type 1)."""

import shapely

HEAD_30 = """HeadBegin
DataMark:LANDUSE-VCT
Version:3.0
CoordinateSystemType:P
Dim:2
XAxisDirection:E
YAxisDirection:N
XYUnit:M
Spheroid:CGCS2000,6378137.0,298.257222101
PrimeMeridian:Greenwich
Projection:高斯-克吕格投影
Parameters:123,1,41500000,0,3,41
ExtentMin:0,0
ExtentMax:0,0
Offset:0,0
Date:20230101
Separator:,
HeadEnd"""

HEAD_2007 = """headbegin
DataMark: CNSDTF-VCT
Version: GB/T17798-2007
CoordinateSystemType: P
XYUnit: M
Spheroid: Xian1980,6378140.0,298.257
Parameters: 123,1,500000,0,3,41
Separator: ,
headend"""


def vct(
    frame,
    fields,
    head=HEAD_30,
    code="2001010100",
    name="地类图斑",
    table="DLTB",
    indirect=True,
    style="unknown",
):
    """The text of a VCT; ``fields`` maps column to (type, width)."""
    lines, polygons, rows = [], [], []
    line_id, edges = 100, {}
    for k, row in enumerate(frame.to_dict("records")):
        fid, rings = str(k + 1), []
        for part in shapely.get_parts(row["geometry"]):
            part = shapely.orient_polygons(part, exterior_cw=True)
            rings += [list(part.exterior.coords), *(list(r.coords) for r in part.interiors)]
        refs = []
        for ring in rings if indirect else ():
            half = len(ring) // 2
            refs += [0] if refs else []
            for piece in (ring[: half + 1], ring[half:]):
                key = tuple(piece)
                if key[::-1] in edges:
                    refs.append(-edges[key[::-1]])
                    continue
                if key not in edges:
                    line_id += 1
                    edges[key] = line_id
                    points = [f"{x!r},{y!r}" for x, y in piece]
                    lines += [
                        str(line_id),
                        "1099000000",
                        style,
                        "1",
                        "1",
                        "11",
                        str(len(points)),
                        *points,
                        "0",
                    ]
                refs.append(edges[key])
        polygons += [fid, code, style]
        if indirect:
            polygons += ["100", "0,0", "21", str(len(refs))]
            polygons += [",".join(map(str, refs[i : i + 8])) for i in range(0, len(refs), 8)]
        else:
            polygons += ["1", str(len(rings))]
            for ring in rings:
                polygons += ["11", str(len(ring)), *(f"{x!r},{y!r}" for x, y in ring)]
        polygons.append("0")
        rows.append(
            ",".join([fid, *(str(row[c] if row[c] is not None else "").replace(",", "，") for c in fields)])
        )
    parts = [
        head, "", "FeatureCodeBegin", f"{code},{name},Polygon,{table}", "1000600100,行政区,Polygon,XZQ", "FeatureCodeEnd",
        "TableStructureBegin", f"{table},{len(fields)}", *(f"{c},{t},{w}" for c, (t, w) in fields.items()), "0",
        "TableStructureEnd", "PointBegin", "PointEnd", "LineBegin", *lines, "LineEnd", "PolygonBegin", *polygons,
        "PolygonEnd", "AnnotationBegin", "AnnotationEnd", "CommentBegin", "said by nobody", "CommentEnd",
        "AttributeBegin", table, *rows, "TableEnd", "AttributeEnd", "StyleBegin", "StyleEnd",
    ]  # fmt: skip
    return "\r\n".join(parts) + "\r\n"
